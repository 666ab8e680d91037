-- Who is in a report's tables faces and photos, to be found by name however its accents are written.
-- One row per name, in Unicode's form NFC.
select nfc_normalize(person) from faces
union
select nfc_normalize(person) from photos where person is not null;

-- Who is in table faces, to be found by name however its accents are written.
-- One row per name, in Unicode's form NFC.
select distinct nfc_normalize(person) from faces;

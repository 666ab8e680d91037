-- Delete faces from table faces: those of people named, and those whose encoding is in table gone, which Python registers.
-- Parameter: $people, names in Unicode's form NFC. It gives the rows that went.
delete from faces
where list_contains($people, nfc_normalize(person)) or encoding in (select encoding from gone)
returning *;

-- Delete from table photos who is forgotten, by name, and photos by id. Parameters: $people, names in Unicode's form NFC; $ids.
delete from photos where list_contains($people, nfc_normalize(person)) or list_contains($ids, id);

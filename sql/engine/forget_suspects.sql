-- Delete from table suspects who is forgotten, by name, and faces and photos by id. Parameters: $people, names in Unicode's form NFC;
-- $ids.
delete from suspects
where
    list_contains($people, nfc_normalize(person))
    or list_contains($people, nfc_normalize(person_other))
    or list_contains($ids, id)
    or list_contains($ids, id_other);

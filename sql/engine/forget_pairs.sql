-- Delete from table pairs who is forgotten, by name, and faces by id. Parameters: $people, names in Unicode's form NFC; $ids.
delete from pairs
where
    list_contains($people, nfc_normalize(person_a))
    or list_contains($people, nfc_normalize(person_b))
    or list_contains($ids, id_a)
    or list_contains($ids, id_b);

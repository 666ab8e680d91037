-- Delete faces from table faces: those of people named, by the name that they have there or by that of the photo's folder, and those
-- whose encoding is in table gone, which Python registers.
-- Parameter: $people, names in Unicode's form NFC. It gives the rows that went.
delete from faces
where
    list_contains($people, nfc_normalize(person))
    or encoding in (select encoding from gone)
    or id in (
        select seen.id
        from with_photo() as seen
        join photos on seen.photo = photos.id
        where list_contains($people, nfc_normalize(photos.person))
    )
returning *;

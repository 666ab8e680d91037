-- Temporary table named_face: the faces of a report's table faces that a list of photos and folders names, as --exclude has it.
-- One row per face and entry that names it: id, entry. An entry is a face's id, its photo, or a folder that the photo is in.
-- Parameter: $entries, in Unicode's form NFC, with / and without one at the end.
create or replace temp table named_face as
with paths as (
    select id, string_split(nfc_normalize(coalesce(photo::varchar, id)), '/') as parts from with_photo()
),
names as (
    select id, nfc_normalize(id) as entry from paths
    union
    select id, array_to_string(parts[:depth], '/') as entry
    from (select id, parts, unnest(range(1, len(parts) + 1)) as depth from paths)
)
select id, entry
from names
join (select distinct unnest($entries) as entry) using (entry);

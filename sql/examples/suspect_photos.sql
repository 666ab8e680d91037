-- suspect_photos: which photos are suspects, and what is known of them beside the distances? A small photo, or one with several faces,
-- is looked at otherwise than a sharp one that shows one face; and of whom other photos gave no row, few are left to compare with.
-- One row per suspect: rank, kind, photo, probability (that it is an error), errors (wrong decisions gone when it is corrected), the
-- width of the photo in pixels and the faces in it, null where the report knows no photos, and how many of the person's photos gave no row.
--   facesql sql -f sql/examples/suspect_photos.sql
set variable least_probability = 0.1;

with no_row as (
    select person, count(*) as photos, min(reason) as reason from photos where status <> 'row' group by person
)
select
    rank,
    kind,
    suspects.id,
    round(probability, 2) as probability,
    errors,
    photos.width,
    photos.faces,
    coalesce(no_row.photos, 0) as no_row,
    no_row.reason
from suspects
left join with_photo() as seen on suspects.id = seen.id
left join photos on seen.photo = photos.id
left join no_row on suspects.person = no_row.person
where probability >= getvariable('least_probability')
order by rank
limit 5;

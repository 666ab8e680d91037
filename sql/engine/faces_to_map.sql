-- The faces of the people with most photos; of people with equally many, those first by name.
-- One row per face, at most $faces: id, person, encoding, photos (how many show the person). Parameters: $people, how many people
-- at most, $faces, how many faces.
with counted as (
    select person, count(distinct coalesce(photo, id)) as photos from with_photo() group by person
),
chosen as (
    from counted order by photos desc, person limit $people
)
select id, person, encoding, photos
from faces
join chosen using (person)
order by photos desc, person, id
limit $faces;

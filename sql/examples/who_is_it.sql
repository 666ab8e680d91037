-- who_is_it: whom does this photo show, if its own name is not known? The people of the photos nearest to it.
-- One row per person, the nearest first: their nearest photo, its distance (no unit), and how many of theirs are among the nearest.
--   facesql sql -f sql/examples/who_is_it.sql --param photo=Ann/1.jpg
set variable photo = 'person_1401/1';
set variable nearest = 10;

with asked as (
    select id, encoding from faces where id = getvariable('photo')
),
compared as (
    select faces.person, faces.id, face_distance(faces.encoding, asked.encoding) as distance
    from faces
    join asked on faces.id <> asked.id
),
nearest as (
    from compared order by distance, id limit (getvariable('nearest'))
)
select person, arg_min(id, distance) as photo, round(min(distance), 3) as distance, count(*) as photos
from nearest
group by person
order by min(nearest.distance), person;

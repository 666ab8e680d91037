-- nearest_people: who looks most like a person? The five others who have the photo that comes nearest.
-- One row per other person, nearest first: nearest (the least distance of any two photos), and those two photos.
set variable person = 'person_1401';

with compared as (
    select
        other.person,
        theirs.id as their_photo,
        other.id as other_photo,
        face_distance(theirs.encoding, other.encoding) as distance
    from faces as theirs
    join faces as other on theirs.person <> other.person
    where theirs.person = getvariable('person')
)
select
    person,
    round(min(distance), 3) as nearest,
    arg_min(their_photo, distance) as their_photo,
    arg_min(other_photo, distance) as other_photo
from compared
group by person
order by nearest, person
limit 5;

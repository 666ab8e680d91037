-- widest_spread: whose photos differ most? The five people, of those with three photos or more, with the largest mean distance.
-- Two faces in one photo are no pair. (Without with_photo(), a table that has no column photo could not be asked for it.)
-- One row per person, the widest first: faces, mean and farthest (the largest distance of two of the person's photos).
set variable least_faces = 3;

with photographed as (
    from with_photo()
)
select
    a.person,
    any_value(people.faces) as faces,
    round(avg(face_distance(a.encoding, b.encoding)), 3) as mean,
    round(max(face_distance(a.encoding, b.encoding)), 3) as farthest
from photographed as a
join photographed as b on a.person = b.person and a.id < b.id and (a.photo = b.photo) is not true
join people on a.person = people.person
where people.faces >= getvariable('least_faces')
group by a.person
order by mean desc, a.person
limit 5;

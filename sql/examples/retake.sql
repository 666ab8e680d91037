-- retake: which photos should be taken again? Those that are farthest from the other photos of their person.
-- One row per photo, the worst first: its person, their faces, and the mean distance (no unit) to their other photos, beside the mean of
-- all pairs of that person.
--   facesql sql -f sql/examples/retake.sql --param least_faces=5
set variable least_faces = 4;

with compared as (
    select person, id, other_id, distance from face_pairs() where same_person
),
both_ways as (
    select person, id, distance from compared
    union all
    select person, other_id, distance from compared
),
photos as (
    select person, id, avg(distance) as mean from both_ways group by person, id
),
of_persons as (
    select person, id, mean, avg(mean) over (partition by person) as usual from photos
)
select id, person, people.faces, round(mean, 3) as mean, round(usual, 3) as usual
from of_persons
join people using (person)
where people.faces >= getvariable('least_faces')
order by of_persons.mean - of_persons.usual desc, id
limit 5;

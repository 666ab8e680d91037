-- recall_by_faces: are people with many photos recognized better than those with few?
-- One row per number of faces of a person, in steps: people, pairs of one person, and recall at the cut-off where every pair counts the
-- same, and where every person does; each 0 to 1.
--   facesql sql -f sql/examples/recall_by_faces.sql --param cutoff=0.6
set variable cutoff = 0.5;

with compared as (
    select person, (distance <= getvariable('cutoff'))::int as matches from face_pairs() where same_person
),
of_persons as (
    select person, count(*) as pairs, avg(matches) as recall from compared group by person
),
stepped as (
    select case when faces < 5 then '2 to 4' when faces < 20 then '5 to 19' else '20 and more' end as step, faces, pairs, recall
    from of_persons
    join people using (person)
)
select
    step as faces,
    count(*) as people,
    sum(pairs)::bigint as pairs,
    round(sum(recall * pairs) / sum(pairs), 4) as recall,
    round(avg(recall), 4) as recall_of_people
from stepped
group by step
order by min(stepped.faces);

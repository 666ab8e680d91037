-- clusters: who would become one if every match were followed? Photos that match at a cut-off are joined, and so are all that are
-- reached through others (connected components). Of the first blocks of people, of 64; blocks = 64 takes all.
-- One row per cluster that holds several people, the largest first: the photo that it is named after, its photos, its people.
--   facesql sql -f sql/examples/clusters.sql --param cutoff=0.4 --param blocks=64
set variable cutoff = 0.5;
set variable blocks = 8;

with recursive part as (
    from faces where person_block(person) < getvariable('blocks')
),
matches as materialized (
    select id, other_id from face_pairs(faces := 'part') where distance <= getvariable('cutoff')
),
edges as materialized (
    select id, other_id from matches
    union all
    select other_id, id from matches
),
-- Each photo takes the least name among those that it matches, until none changes.
named(photo, cluster) using key (photo) as (
    select id, id from part
    union all
    select edges.other_id, min(named.cluster)
    from named
    join edges on edges.id = named.photo
    join recurring.named as before on before.photo = edges.other_id
    where named.cluster < before.cluster
    group by edges.other_id
)
select
    cluster,
    count(*) as photos,
    count(distinct person) as people,
    array_to_string(list_sort(list_distinct(list(person)))[:3], ', ') as such_as
from named
join part on part.id = named.photo
group by cluster
having count(distinct person) > 1
order by people desc, photos desc, cluster
limit 5;

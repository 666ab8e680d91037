-- lookalikes_matched: which people look most alike, and at which of the cut-offs are they taken for one? One of them may be a suspect.
-- One row per pair of people, the closest first: their photos, the distance, how many operating points match them, and which suspect,
-- by its rank, one of the two photos is.
--   facesql sql -f sql/examples/lookalikes_matched.sql
set variable most = 5;

with points as (
    select cutoff from operating_points where cutoff is not null
),
wrong as (
    select unnest([id, id_other]) as id, rank from suspects
)
select
    id_a,
    id_b,
    round(distance, 3) as distance,
    (select count(*) from points where points.cutoff >= pairs.distance) as matched_by,
    (select count(*) from points) as points,
    (select min(rank) from wrong where wrong.id in (pairs.id_a, pairs.id_b)) as suspect
from pairs
where kind = 'closest'
order by pairs.distance, id_a, id_b
limit getvariable('most');

-- nobody_known: which photos are like nobody else's, and not even like others of their own person? Nothing lies nearer than the cut-off.
-- Photos of the first blocks of people, of 64, against everybody; blocks = 64 takes all.
-- One row per photo, the most alone first: its person, the nearest other photo, and its distance (no unit).
--   facesql sql -f sql/examples/nobody_known.sql --param cutoff=0.6
set variable cutoff = 0.55;
set variable blocks = 4;

with wide as (
    select person, id, encoding::double[] as encoding from faces
),
compared as (
    select a.person, a.id, b.id as other_id, face_distance(a.encoding, b.encoding) as distance
    from wide as a
    join wide as b on a.id <> b.id
    where person_block(a.person) < getvariable('blocks')
),
nearest as (
    select person, id, arg_min(other_id, distance) as nearest, min(distance) as distance
    from compared
    group by person, id
)
select id, person, nearest, round(distance, 3) as distance
from nearest
where nearest.distance > getvariable('cutoff')
order by nearest.distance desc, id
limit 5;

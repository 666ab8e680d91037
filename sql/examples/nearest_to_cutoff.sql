-- nearest_to_cutoff: which pairs would change first if the cut-off moved? Of the first blocks of people, of 64; blocks = 64 takes all.
-- One row per pair, those nearest to the cut-off first: both photos, whether of one person, whether they match now, and the distance.
--   facesql sql -f sql/examples/nearest_to_cutoff.sql --param cutoff=0.6
set variable cutoff = 0.5;
set variable blocks = 16;

with part as (
    from faces where person_block(person) < getvariable('blocks')
)
select id, other_id, same_person, distance <= getvariable('cutoff') as matches, round(distance, 6) as distance
from face_pairs(faces := 'part') as compared
order by abs(compared.distance - getvariable('cutoff')), id, other_id
limit 5;

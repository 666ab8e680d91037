-- The people whose photos decide most: those with most genuine pairs.
-- One row per person, at most three: person, block, faces, genuine_share (of all genuine pairs), impostor_share (of the impostor pairs,
-- those that show them), each 0 to 1.
with totals as (
    select sum(faces) as faces, sum(genuine_pairs) as genuine_pairs, sum(faces * faces) as squares from people
)
select
    people.person,
    people.block,
    people.faces,
    coalesce(people.genuine_pairs / nullif(totals.genuine_pairs, 0), 0) as genuine_share,
    coalesce(people.faces * (totals.faces - people.faces) / nullif((totals.faces * totals.faces - totals.squares) / 2, 0), 0)
        as impostor_share
from people
cross join totals
order by people.genuine_pairs desc, people.faces desc, people.person
limit 3;

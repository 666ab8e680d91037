-- subset_rates: the cut-off table for a part of the people, here without those who have more than twenty photos.
-- One row per cut-off asked for.
set variable most_faces = 20;

with subset as (
    select faces.*
    from faces
    join people using (person)
    where people.faces between 2 and getvariable('most_faces')
),
counts as (
    from slow_binned_counts(faces := 'subset')
)
select cutoff, genuine_matched, impostor_matched, round(precision, 4) as precision, round(recall, 4) as recall
from cutoff_rates(counts := 'counts')
where cutoff in (0.4, 0.5, 0.6);

-- without_largest: what are the rates without the person who has most pairs? In the plain table, such a person weighs most.
-- One row per cut-off: precision, recall and FMR of all, and without that person (_without), each 0 to 1.
--   facesql sql -f sql/examples/without_largest.sql --from report
with largest as (
    select person from people order by genuine_pairs desc, person limit 1
),
theirs as materialized (
    select person, id, photo, encoding::double[] as encoding from with_photo() where person = (from largest)
),
with_others as (
    select false as same_person, distance_bin(face_distance(theirs.encoding, other.encoding)) as bin, count(*) as pairs
    from theirs
    join (select person, encoding::double[] as encoding from faces) as other on other.person <> theirs.person
    group by bin
),
with_themselves as (
    select true as same_person, distance_bin(distance) as bin, count(*) as pairs
    from face_pairs(faces := 'theirs')
    group by bin
),
counts_without as (
    select same_person, bin, pairs from bin_totals
    union all
    select same_person, bin, -pairs from with_others
    union all
    select same_person, bin, -pairs from with_themselves
),
without as (
    from cutoff_rates(counts := 'counts_without')
),
everybody as (
    from cutoff_rates(counts := 'bin_totals')
)
select
    cutoff,
    round(everybody.precision, 4) as precision,
    round(without.precision, 4) as precision_without,
    round(everybody.recall, 4) as recall,
    round(without.recall, 4) as recall_without,
    everybody.impostor_matched as impostor,
    without.impostor_matched as impostor_without
from everybody
join without using (bin, cutoff)
where cutoff in (0.4, 0.5, 0.6)
order by cutoff;

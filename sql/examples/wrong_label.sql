-- wrong_label: what does a name that is wrong do to the rates? The table as it is, and as it would be if two people were one.
-- One row per cut-off: pairs of one person and of two that match, precision, recall and FMR, as it is and if they are one (_if_one).
--   facesql sql -f sql/examples/wrong_label.sql --from report --param person=Ann --param other=Anne
set variable person = 'person_1401';
set variable other = 'person_1525';

with moved as (
    select distance_bin(face_distance(a.encoding, b.encoding)) as bin, count(*) as pairs
    from faces as a
    cross join faces as b
    where a.person = getvariable('person') and b.person = getvariable('other')
    group by bin
),
counts_if_one as (
    select same_person, bin, pairs from bin_totals
    union all
    select true, bin, pairs from moved
    union all
    select false, bin, -pairs from moved
),
if_one as (
    from cutoff_rates(counts := 'counts_if_one')
),
as_it_is as (
    from cutoff_rates(counts := 'bin_totals')
)
select
    cutoff,
    as_it_is.genuine_matched as genuine,
    if_one.genuine_matched as genuine_if_one,
    as_it_is.impostor_matched as impostor,
    if_one.impostor_matched as impostor_if_one,
    round(as_it_is.precision, 6) as precision,
    round(if_one.precision, 6) as precision_if_one
from as_it_is
join if_one using (bin, cutoff)
where cutoff in (0.2, 0.3, 0.4, 0.5)
order by cutoff;

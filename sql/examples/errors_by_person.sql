-- errors_by_person: do few people make most of the false matches? Each false match counts for both of its people. Of the first blocks of
-- people, of 64; blocks = 64 takes all.
-- One row per share of the people, those with most false matches: how many people that is (rounded up), and the share of all false matches
-- that is theirs (a Lorenz curve, read from its end); null where there is no false match.
--   facesql sql -f sql/examples/errors_by_person.sql --param cutoff=0.6
set variable cutoff = 0.5;
set variable blocks = 16;

with part as (
    from faces where person_block(person) < getvariable('blocks')
),
wrong as materialized (
    select person, other
    from face_pairs(faces := 'part')
    where not same_person and distance <= getvariable('cutoff')
),
both_ways as (
    select person from wrong
    union all
    select other from wrong
),
matched as (
    select person, count(*) as errors from both_ways group by person
),
ranked as (
    select
        coalesce(errors, 0) as errors,
        row_number() over (order by coalesce(errors, 0) desc, person) as place,
        count(*) over () as everybody
    from (select distinct person from part)
    left join matched using (person)
),
shares as (
    select unnest([0.01, 0.05, 0.1, 0.2, 0.5, 1])::double as share
)
select
    share,
    count(*) filter (place <= ceil(share * everybody)) as people,
    round(sum(errors) filter (place <= ceil(share * everybody)) / nullif(sum(errors), 0), 4) as share_of_errors
from shares
cross join ranked
group by share
order by share;

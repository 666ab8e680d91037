-- first_names: are two people who share a first name taken for each other more often? A first name is what stands before the first
-- space or underscore of the person. Of the first blocks of people, of 64; blocks = 64 takes all.
-- One row per whether they share it: pairs of two people's photos, how many match (distance <= cut-off), and FMR.
--   facesql sql -f sql/examples/first_names.sql --param cutoff=0.6
set variable cutoff = 0.5;
set variable blocks = 16;

with part as (
    from faces where person_block(person) < getvariable('blocks')
),
compared as (
    select
        regexp_extract(person, '^[^ _]+') = regexp_extract(other, '^[^ _]+') as same_first_name,
        distance <= getvariable('cutoff') as matches
    from face_pairs(faces := 'part')
    where not same_person
)
select same_first_name, count(*) as pairs, count(*) filter (matches) as matched, round(matched / pairs, 4) as fmr
from compared
group by same_first_name
order by same_first_name;

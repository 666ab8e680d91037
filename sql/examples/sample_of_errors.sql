-- sample_of_errors: what do errors at a cut-off look like? A sample of them, the same for the same seed: false matches and misses alike.
-- Of the first blocks of people, of 64; blocks = 64 takes all.
-- One row per error: which it is, both photos, their distance (no unit).
--   facesql sql -f sql/examples/sample_of_errors.sql --param cutoff=0.6 --param seed=2
set variable cutoff = 0.5;
set variable seed = 1;
set variable errors = 3;
set variable blocks = 16;

with part as (
    from faces where person_block(person) < getvariable('blocks')
),
wrong as (
    select
        case when same_person then 'miss' else 'false match' end as error,
        id,
        other_id,
        distance
    from face_pairs(faces := 'part')
    where same_person <> (distance <= getvariable('cutoff'))
),
shuffled as (
    select *, row_number() over (partition by error order by md5(concat_ws(chr(0), getvariable('seed'), id, other_id))) as place
    from wrong
)
select error, id, other_id, round(distance, 3) as distance
from shuffled
where place <= getvariable('errors')
order by error, place;

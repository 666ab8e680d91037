-- rates_by_label: do the rates differ by camera, by year, by any column that the faces carry? Only photos of one label are compared with
-- each other. Of the first blocks of people, of 64; blocks = 64 takes all.
-- One row per label (as text): faces, pairs of one person and of two, and FNMR and FMR at the cut-off, each 0 to 1; null without pairs.
--   facesql sql -f sql/examples/rates_by_label.sql --param label=camera --param cutoff=0.6
set variable label = 'width';
set variable cutoff = 0.5;
set variable blocks = 16;

with part as (
    select * exclude (encoding), encoding::double[] as encoding
    from with_photo()
    where person_block(person) < getvariable('blocks')
),
labelled as (
    select columns([getvariable('label')])::varchar as label, person as who, id as face, photo as picture, encoding as numbers from part
),
compared as (
    select
        a.label,
        a.who = b.who as same_person,
        face_distance(a.numbers, b.numbers) <= getvariable('cutoff') as matches
    from labelled as a
    join labelled as b on a.label = b.label and a.face < b.face
    where (a.who = b.who and a.picture = b.picture) is not true
),
rates as (
    select
        label,
        count(*) filter (same_person) as genuine_pairs,
        count(*) filter (not same_person) as impostor_pairs,
        1 - avg(matches::int) filter (same_person) as fnmr,
        avg(matches::int) filter (not same_person) as fmr
    from compared
    group by label
),
sizes as (
    select label, count(*) as faces from labelled group by label
)
select label, faces, genuine_pairs, impostor_pairs, round(fnmr, 4) as fnmr, round(fmr, 6) as fmr
from sizes
left join rates using (label)
order by label;

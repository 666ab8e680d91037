-- invalid_faces(): the rows of table faces that cannot be compared, and why. An encoding must have as many numbers as
-- most have, all of them finite. (NaN would sort above every distance, and two empty encodings would match perfectly.)
-- Where the distances are cosines, it must have a direction, too: a length whose fourth power is no 0 in float64.
-- One row per invalid face: faces_file (which file it is from; null but in a report), file_row, id, reason.
--   from invalid_faces();
create or replace macro invalid_faces() as table
    with named as (
        from faces
        union all by name
        select null::varchar as faces_file where false
    ),
    sizes as (
        select size
        from (select len(encoding) as size from faces)
        where size > 0
        group by size
        order by count(*) desc, size = 128 desc, size
        limit 1
    ),
    checked as (
        select
            faces_file,
            file_row,
            id,
            case
                when id is null then 'has no id'
                when coalesce(person, '') = '' then 'has no person'
                when encoding is null then 'has no encoding'
                when len(encoding) = 0 then 'has an empty encoding'
                when len(encoding) <> (select size from sizes)
                    then 'has ' || len(encoding) || ' numbers where others have ' || (select size from sizes)
                when list_count(encoding) < len(encoding) then 'has a NULL among its numbers'
                when not isfinite(list_sum(encoding::double[])) then 'has a number that is not finite'
                when
                    (select metric from binning) = 'cosine'
                    and greatest(list_max(encoding::double[]), -list_min(encoding::double[])) < 1e-75
                    then 'has length 0, which has no direction'
            end as fault
        from named
    ),
    numbered as (
        select *, row_number() over (partition by faces_file, id, fault is null order by file_row) as occurrence
        from checked
    ),
    told as (
        select
            faces_file,
            file_row,
            id,
            case when fault is null and occurrence > 1 then 'has the id of an earlier row' else fault end as reason
        from numbered
    )
    select faces_file, file_row, id, reason from told where reason is not null order by faces_file, file_row;
comment on macro table invalid_faces is 'the rows of table faces that cannot be compared, and why';

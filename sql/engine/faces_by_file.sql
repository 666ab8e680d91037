-- What is to be known of each file of a report's table faces before its faces are compared with those of the others.
-- One row per file that has rows: faces_file, faces, and size (how many numbers most of its encodings have, null where none has
-- any).
with sizes as (
    select faces_file, size, count(*) as faces
    from (select faces_file, len(encoding) as size from faces)
    where size > 0
    group by faces_file, size
),
largest as (
    select faces_file, arg_max(size, (faces, size = 128, -size)) as size from sizes group by faces_file
),
counted as (
    select faces_file, count(*) as faces from faces group by faces_file
)
select faces_file, faces, size
from counted
left join largest using (faces_file);

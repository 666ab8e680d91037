-- A name that stands in two files of a report's table faces: an id, or the photo of a person.
-- One row, or none: what (id or photo), name, first_file and last_file.
with named as (
    select 'id' as what, id as name, null as person, faces_file from faces
    union all
    select 'photo', photo::varchar, person, faces_file from with_photo() where photo is not null
)
select what, name, min(faces_file) as first_file, max(faces_file) as last_file
from named
group by what, name, person
having count(distinct faces_file) > 1
order by what, name
limit 1;

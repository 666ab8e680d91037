-- Whose the faces of some numbers are, as table searched_face numbers them.
-- One row per face: face_number, id, person.
-- Parameter: $numbers.
with numbered as (
    select row_number() over (order by id) - 1 as face_number, id, person from faces
)
select face_number, id, person from numbered where face_number in (select unnest($numbers));

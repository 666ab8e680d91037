-- A tile of table searched_face.
-- One row per face, in the order of their people: face_number, person_number, photo_number, encoding.
-- Parameter: $tile.
select face_number, person_number, photo_number, encoding from searched_face where tile = $tile order by place;

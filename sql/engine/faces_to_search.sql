-- The faces of table faces, to search among.
-- One row per face: id, person, photo (null where that is not known), faces_file and encoding.
select id, person, photo::varchar as photo, faces_file, encoding
from with_photo();

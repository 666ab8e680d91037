-- faces: the encodings to compare, as read_faces() gives them; empty until filled.
-- One row per face: file_row (0-based place in its file), id (unique), person, encoding (FLOAT[] or DOUBLE[], no unit).
--   create or replace table faces as from read_faces('faces.parquet');
create table if not exists faces (file_row bigint, id varchar, person varchar, encoding float[]);

-- with_photo(faces): a table of faces, with a column photo where it has none. Two faces of one person that have the same photo
-- are not compared; where photo is null, as it is in the new column, each face has a photo of its own.
-- faces names the table, view or common table expression; without it, it is faces.
-- One row per face: all columns of that table, and photo.
--   select person, photo, count(*) from with_photo() group by person, photo;
create or replace macro with_photo(faces := 'faces') as table
    from query_table(faces)
    union all by name
    select null as photo where false;
comment on macro table with_photo is 'a table of faces, with a column photo where it has none';

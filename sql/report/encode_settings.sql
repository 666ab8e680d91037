-- encode_settings: how the faces were encoded, as their tables note it. These are settings, and versions of what took part.
-- One row per table of faces and setting; none of a table that another program made.
--   select value from encode_settings where name = 'detector';
create table if not exists encode_settings (
    faces_file varchar,
    name varchar,
    value varchar
);
comment on table encode_settings is 'how the faces were encoded, as their tables note it';
comment on column encode_settings.faces_file is 'the table of faces, as it was named';

-- photos: what became of each photo, by the tables of photos that stood beside the tables of faces when they were compared. Empty
-- where there were none, and of tables that have numbers in place of names, for here stand the names.
-- One row per photo found, whatever became of it, with the name that its folder has: people are merged and left out in faces alone.
--   select status, reason, count(*) from photos group by all;
drop view if exists photos;
create table if not exists photos (
    faces_file varchar,
    id varchar,
    person varchar,
    sha256 varchar,
    width integer,
    height integer,
    status varchar,
    reason varchar,
    note varchar,
    faces bigint
);
comment on table photos is 'what became of each photo, by the tables of photos that stood beside the tables of faces when they were compared';
comment on column photos.faces_file is 'the table of faces beside which it was, as it was named';
comment on column photos.id is 'the photo, as column photo of faces names it';
comment on column photos.person is 'as the folder of the photo is named';
comment on column photos.sha256 is 'of the bytes of its file';
comment on column photos.width is 'pixels, upright';
comment on column photos.height is 'pixels, upright';
comment on column photos.status is 'row where it gave one, or else what became of it: no_face, excluded, unreadable, ...';
comment on column photos.reason is 'why it gave no row';
comment on column photos.note is 'what the row does not show of the photo';
comment on column photos.faces is 'how many faces were found in it';

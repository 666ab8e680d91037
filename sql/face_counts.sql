-- face_counts: how many faces are compared, and of how many photos: those that column photo names. A face without one, as in a
-- table that has no such column, is from a photo of its own.
-- One row: faces, photos, people.
--   from face_counts;
create or replace view face_counts as
    select
        count(*) as faces,
        count(distinct photo) + count(*) filter (photo is null) as photos,
        count(distinct person) as people
    from with_photo();
comment on view face_counts is 'how many faces are compared, and of how many photos: those that column photo names';

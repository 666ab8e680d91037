-- face_counts: how many faces are compared. An id names a photo, and ends in #2 for its second face.
-- One row: faces, photos, people.
--   from face_counts;
create or replace view face_counts as
    select
        count(*) as faces,
        count(distinct regexp_replace(id, '#[0-9]+$', '')) as photos,
        count(distinct person) as people
    from faces;
comment on view face_counts is 'how many faces are compared';

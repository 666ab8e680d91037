-- Of what table photos says of others, leave out the photos that are forgotten, such as that of which one is nearly the same picture:
-- what stands before the colon stays. Parameter: $ids, of photos.
update photos
set reason = split_part(reason, ':', 1)
where exists (select 1 from (select unnest($ids) as id) as gone where contains(reason, gone.id));

-- bin_cutoff(bin): the cut-off at which a bin, and all before it, match: its upper edge. Null for bin 2001, which never does.
--   select bin_cutoff(600);  -- 0.6
create or replace macro bin_cutoff(bin) as case when bin <= 2000 then bin / 1000 end;
comment on macro bin_cutoff is 'the cut-off at which a bin, and all before it, match: its upper edge';

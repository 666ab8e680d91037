-- precision_at_share(recall, fmr, share): the precision where that share of all comparisons is of one person: Bayes' rule. All lie
-- in 0 to 1; 1 where nothing matches.
--   select cutoff, precision_at_share(recall, fmr, 0.01) from precision_recall where cutoff = 0.5;
create or replace macro precision_at_share(recall, fmr, share) as
    case
        when recall * share + fmr * (1 - share) = 0 then 1
        else recall * share / (recall * share + fmr * (1 - share))
    end;
comment on macro precision_at_share is 'the precision where that share of all comparisons is of one person: Bayes'' rule';

//! The cases, by area. Each is a function of its own; [`CASES`] is their table.

#![allow(
    clippy::missing_errors_doc,
    reason = "every case has the same: the `Stop` that is its verdict"
)]

use crate::stage::Stage;
use crate::verdict::{Stop, Verdict};
use imap_backend::Backend;
use std::fmt;

pub mod acl;
pub mod append;
pub mod append_all;
pub mod body;
pub mod coming_back;
pub mod copy_move;
pub mod expunge;
pub mod fetch;
pub mod figures;
pub mod life_cycle;
pub mod list;
pub mod login;
pub mod metadata;
pub mod mod_sequences;
pub mod outside;
pub mod patterns;
pub mod quota;
pub mod recent;
pub mod replace;
pub mod restart;
pub mod search;
pub mod second_process;
pub mod select;
pub mod sort;
pub mod special_use;
pub mod store;
pub mod subscriptions;
pub mod two_sessions;
pub mod uid;
pub mod url_keys;

/// One case: what it is called and which rule it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Case {
    /// The module.
    pub area: &'static str,
    /// The function.
    pub name: &'static str,
    /// Where the rule is written.
    pub rule: &'static str,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{} ({})", self.area, self.name, self.rule)
    }
}

/// Makes the table and the call by name out of the same lines, so that no case is forgotten.
macro_rules! cases {
    ($($area:ident { $($name:ident $rule:literal;)* })*) => {
        /// All cases, by area.
        pub const CASES: &[Case] = &[
            $($(Case { area: stringify!($area), name: stringify!($name), rule: $rule },)*)*
        ];

        pub(crate) async fn run<B: Backend>(case: &Case, stage: &Stage<B>) -> Verdict {
            $($(
                if case.area == stringify!($area) && case.name == stringify!($name) {
                    // Boxed: the future of all cases would otherwise be as large as the largest of them.
                    return Box::pin($area::$name(stage)).await;
                }
            )*)*
            Err(Stop::failed("a case of the table", case.name))
        }
    };
}

cases! {
    login {
        wrong_credentials_are_refused "RFC 9051, section 6.2.3";
        abilities_before_login_hold_after_it "RFC 9051, section 6.1.1; `Backend::abilities`";
    }
    uid {
        uids_ascend "RFC 9051, section 2.3.1.1";
        uids_of_expunged_messages_are_not_used_again "RFC 9051, section 2.3.1.1";
        uids_outlive_the_selection "RFC 9051, section 2.3.1.1";
        uids_of_a_deleted_mailbox_are_not_used_again "RFC 9051, section 6.3.4";
        rename_keeps_uids "RFC 9051, section 6.3.6";
        a_name_that_was_renamed_away_starts_afresh "RFC 9051, section 6.3.6";
        everyone_says_the_same_uidvalidity "RFC 9051, section 2.3.1.1";
    }
    list {
        inbox_is_always_there "RFC 9051, section 5.1";
        created_mailboxes_are_listed_until_deleted "RFC 9051, section 6.3.9";
        names_keep_every_character "RFC 9051, section 5.1";
        impossible_changes_of_names_are_refused "RFC 9051, sections 6.3.4 to 6.3.6";
        rename_takes_inferiors_along "RFC 9051, section 6.3.6";
        delete_keeps_inferiors "RFC 9051, section 6.3.5";
        rename_of_inbox_moves_its_messages "RFC 9051, section 6.3.6";
    }
    special_use {
        a_use_stays_with_its_mailbox "RFC 6154, sections 2 and 3";
        a_use_can_be_given_to_another_mailbox "RFC 6154, section 3";
        without_its_use_a_mailbox_is_not_made "RFC 6154, section 3";
    }
    metadata {
        annotations_are_kept "RFC 5464, sections 4.2 and 4.3";
        annotations_go_with_their_mailbox "RFC 5464, section 3.1";
        annotations_change_all_or_none "RFC 5464, section 4.3; `Metadata::apply`";
    }
    acl {
        entries_are_kept_and_changed "RFC 4314, sections 3.1 to 3.3";
        rights_follow_the_entries "RFC 4314, sections 2 and 3.5; `Session::my_rights`";
        what_is_granted_was_grantable "RFC 4314, sections 2 and 3.7; `Session::grantable`";
        an_acl_goes_with_its_mailbox "RFC 4314, section 4";
        a_new_mailbox_has_that_of_its_superior "RFC 4314, section 4";
        listed_rights_are_those_that_are_told "RFC 8440, section 3; `ListEntry::with_my_rights`";
        flags_that_may_not_be_changed_stay "RFC 4314, section 4; `FlagChange::with_rights`";
        copies_lose_the_flags_that_may_not_be_set "RFC 4314, section 4; `Mailbox::copy_with_rights`";
    }
    quota {
        what_is_held_is_told "RFC 9208, sections 4.2 and 5";
        a_message_that_does_not_fit_is_not_read "RFC 9208, section 4.3; `Session::append`";
        several_that_do_not_fit_are_refused_together "RFC 9208, section 4.3; RFC 9051, section 6.4.7";
        what_goes_gives_room_back "RFC 9208, section 4.3";
    }
    figures {
        sums_are_those_of_the_messages "RFC 8438; RFC 9051, section 6.3.11; RFC 9208, section 4.1.4";
        a_mailbox_keeps_its_id "RFC 8474, section 4";
        copies_have_the_same_email_id "RFC 8474, section 5.1";
        a_save_date_stays_and_is_no_internal_date "RFC 8514, section 3";
    }
    patterns {
        nothing_that_matches_is_hidden "RFC 9051, section 6.3.9; `Session::list`";
    }
    subscriptions {
        they_are_kept "RFC 9051, section 6.3.7";
        a_subscription_outlives_its_mailbox "RFC 9051, section 6.3.7; RFC 5258, section 3.1";
        lists_of_mailboxes_say_which_are_subscribed "RFC 5465, sections 5.4 and 5.5";
    }
    url_keys {
        a_key_is_made_once "RFC 4467, section 3; `Session::url_key`";
        a_key_goes_with_its_mailbox "RFC 4467, section 3; `Session::url_key`";
        forgotten_keys_are_gone "RFC 4467, section 7; `Session::forget_url_keys`";
        the_owner_of_a_url_is_found "RFC 4467, section 7; `Backend::url_owner`";
    }
    append {
        messages_come_back_octet_for_octet "RFC 9051, section 6.3.12";
        flags_and_date_are_kept "RFC 9051, section 6.3.12";
        bare_lf_comes_back_as_crlf "RFC 9051, section 4.3; RFC 5322, section 2.3";
        nul_never_comes_back "RFC 9051, section 4.3.1";
        a_missing_mailbox_is_not_created "RFC 9051, section 6.3.12";
        a_broken_off_message_leaves_nothing "RFC 9051, section 6.3.12";
    }
    append_all {
        messages_come_back_in_their_order "RFC 3502, section 6.3.11";
        what_goes_wrong_leaves_no_message "RFC 3502, section 6.3.11";
        a_refused_message_takes_the_others_along "RFC 3502, section 6.3.11";
        a_missing_mailbox_is_not_created "RFC 3502, section 6.3.11";
        another_session_reads_while_one_stores "RFC 4469; `Session::another`";
    }
    replace {
        a_message_takes_the_place_of_another "RFC 8508, section 3.4";
        the_two_mailboxes_may_differ "RFC 8508, section 3.4";
        only_the_message_named_goes "RFC 8508, section 3.4";
        without_a_new_message_the_old_one_stays_as_it_is "RFC 8508, section 3.4";
        a_message_that_is_gone_is_not_replaced "RFC 8508, section 3.2";
        what_goes_makes_room_for_what_comes "RFC 8508, section 3.4; RFC 9208, section 4.3";
    }
    fetch {
        answers_come_in_the_order_of_the_question "`Mailbox::fetch`";
        what_is_needed_is_there "`Mailbox::fetch`, `Need`";
        reading_changes_no_flags "RFC 9051, section 6.4.5";
        long_questions_are_answered_whole "`Mailbox::fetch`, `MOST_UIDS`";
    }
    body {
        a_handle_reads_any_piece "`ReadBody::read_at`";
        clones_of_a_handle_agree "`Body`";
        sizes_agree "RFC 9051, sections 4.3 and 7.5.2; `ReadBody::size`";
        summaries_are_those_of_the_messages "`Record::summary`, `Need::SUMMARY`";
        without_a_summary_there_is_a_body "`Need::SUMMARY`, `Need::HEADER_SUMMARY`";
        a_handle_outlives_its_message_or_says_so "`ReadBody::read_at`";
    }
    store {
        flags_are_replaced_added_and_removed "RFC 9051, section 6.4.6";
        flags_outlive_the_selection "RFC 9051, section 2.3.2";
        keywords_are_kept_and_defined "RFC 9051, sections 2.3.2 and 7.1";
        gone_messages_are_passed_over "`Mailbox::store`";
    }
    mod_sequences {
        every_change_gets_a_higher_one "RFC 7162, section 3.1";
        the_highest_rises_with_every_change "RFC 7162, sections 3.1.2.1 and 3.2.7";
        unchanged_since_leaves_changed_messages_alone "RFC 7162, section 3.1.3";
        changed_since_finds_what_changed "RFC 7162, section 3.1.4.1";
        vanished_since_names_what_was_expunged "RFC 7162, section 3.2.10; `Mailbox::vanished_since`";
        what_is_told_agrees_with_the_records "RFC 7162, section 3.1";
        the_lowest_unchanged_since_changes_nothing "RFC 7162, section 3.1.3";
        a_move_is_a_change_of_both_mailboxes "RFC 7162, sections 3.1.2.1 and 3.2.10";
    }
    coming_back {
        a_client_that_comes_back_misses_nothing "RFC 7162, section 6";
    }
    expunge {
        only_deleted_messages_go "RFC 9051, section 6.4.3";
        only_messages_of_the_set_go "RFC 4315, section 2.1";
        expunging_twice_is_harmless "RFC 4315, section 2.1";
    }
    copy_move {
        copies_are_complete "RFC 9051, section 6.4.7";
        copies_keep_their_order "RFC 4315, section 3";
        copying_into_the_same_mailbox_works "RFC 9051, section 6.4.7";
        copying_to_a_missing_mailbox_is_refused "RFC 9051, section 6.4.7";
        copying_a_gone_message_copies_nothing "RFC 2180, section 4.4.1";
        moved_messages_are_there_and_not_here "RFC 6851, section 3.3";
        moving_to_a_missing_mailbox_keeps_the_message "RFC 6851, section 3.3";
        moving_a_gone_message_moves_nothing "RFC 6851, section 3.3";
    }
    select {
        a_missing_mailbox_is_not_created "RFC 9051, section 6.3.2";
        figures_agree_with_the_messages "RFC 9051, section 6.3.2";
        status_agrees_with_select "RFC 9051, section 6.3.11";
        examine_is_read_only "RFC 9051, section 6.3.3";
        uid_next_is_between_the_last_and_the_next "RFC 9051, section 2.3.1.1";
        each_figure_of_status_comes_alone "RFC 9051, section 6.3.11; `StatusQuery`";
        status_does_not_run_ahead "`Status`";
        a_resync_opens_the_same_mailbox "RFC 7162, section 3.2.5";
    }
    search {
        flags_and_their_opposites "RFC 9051, section 6.4.4";
        sizes_and_dates "RFC 9051, section 6.4.4; RFC 5032, section 2";
        mod_sequences "RFC 7162, section 3.1.5";
        object_ids "RFC 8474, section 6";
        save_dates "RFC 8514, section 4.3";
        texts "RFC 9051, section 6.4.4";
        only_announced_messages_are_found "RFC 9051, sections 6.4.4 and 7.5.1";
        what_is_wanted_is_found "RFC 4731, section 3.1; `Query::wanted`";
        a_mailbox_is_searched_beside_the_selected_one "RFC 7377; `Session::select`";
    }
    sort {
        messages_come_in_the_order_of_the_criteria "RFC 5256, section 3; RFC 5957, section 4";
        only_what_matches_is_sorted "RFC 5256, section 3";
        threads_follow_subjects_or_references "RFC 5256, section 3";
    }
    two_sessions {
        the_other_sees_arrivals "RFC 9051, section 7.4.1";
        the_other_sees_copies_and_moves "RFC 9051, section 7.4.1";
        the_other_sees_expunges "RFC 9051, section 7.5.1";
        the_other_sees_flags "RFC 9051, section 7.5.2";
        own_flag_changes_are_not_echoed "`Mailbox`, `Origin`";
        own_appends_are_told "RFC 9051, section 6.3.12";
        own_expunges_are_told_once "RFC 9051, section 6.4.3";
        own_moves_are_told_once "RFC 6851, section 3.3";
        numbering_stays_until_expunge_is_told "RFC 9051, section 7.5.1";
        arrivals_pass_a_held_expunge "RFC 9051, section 7.4.1";
        what_came_and_went_is_not_told "RFC 9051, section 7.4.1";
        an_idle_session_is_woken "RFC 9051, section 6.3.13";
        a_lost_session_leaves_the_others_alone "RFC 9051, section 5.4";
        all_agree_after_a_storm "RFC 9051, section 5.2";
    }
    recent {
        one_session_gets_recent "RFC 3501, section 2.3.2";
        examine_and_status_take_no_recent "RFC 3501, sections 6.3.2 and 6.3.10";
    }
    life_cycle {
        delete_ends_other_selections "RFC 2180, section 3.3";
        a_new_mailbox_does_not_reach_old_selections "RFC 9051, section 6.3.4";
        rename_leaves_selections_working "RFC 2180, section 3.4";
        closing_expunges_nothing "RFC 9051, section 6.4.2";
    }
    outside {
        a_delivery_is_told "RFC 9051, sections 5.2 and 7.4.1";
        a_removal_is_told_when_it_may_be "RFC 9051, sections 5.2 and 7.5.1";
        flags_are_told "RFC 9051, sections 5.2 and 7.5.2";
        own_changes_and_others_are_kept_apart "RFC 9051, section 5.2; RFC 2180, section 4";
        an_idle_session_hears_of_it "RFC 9051, section 6.3.13";
        status_counts_what_others_did "RFC 9051, section 6.3.11";
        select_finds_what_others_did_meanwhile "RFC 9051, section 2.3.1.1";
        a_client_that_comes_back_hears_of_it "RFC 7162, section 6";
        a_deleted_mailbox_ends_its_selections "RFC 2180, section 3.3; RFC 9051, section 6.3.4";
        a_renamed_mailbox_has_its_messages "RFC 9051, section 6.3.6";
        what_is_rolled_back_was_never_there "RFC 9051, section 2.3.1.1";
    }
    second_process {
        each_is_told_what_the_other_did "RFC 9051, section 5.2";
        uids_of_both_ascend "RFC 9051, section 2.3.1.1";
        one_session_of_both_gets_recent "RFC 3501, section 2.3.2";
        a_mailbox_deleted_there_ends_here "RFC 2180, section 3.3";
    }
    restart {
        what_was_answered_is_there "RFC 9051, section 2.3.1.1; `Session::append`";
        a_client_from_before_misses_nothing "RFC 7162, section 3.1";
        a_dropped_append_is_whole_or_absent "RFC 9051, section 6.3.12";
    }
}

#[cfg(test)]
mod tests {
    use super::CASES;
    use std::collections::HashSet;

    #[test]
    fn no_case_has_the_name_of_another() {
        let names: HashSet<_> = CASES.iter().map(|case| (case.area, case.name)).collect();
        assert_eq!(names.len(), CASES.len());
    }
}

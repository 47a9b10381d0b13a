//! What a monitor does next: decisions, and nothing else.
//!
//! A [`Life`] is told what has happened ([`Wake`]) and who attends ([`Attendance`]), and answers with one [`Act`] after the other.
//! It knows no descriptor and no process, so that each rule of a container's end is a line in a table of its tests. The loop
//! that feeds it and performs its acts is in [`super::reactor`].

use super::children::Role;
use super::timers::Timer;
use crate::record::{Ending, TakenDown};
use rustix::process::Signal;
use std::collections::VecDeque;

/// What has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wake {
    /// A child has ended.
    Ended(Role, Ending),
    /// A signal came that is meant for the container.
    Signal(Signal),
    /// A timer is due.
    Due(Timer),
    /// What the container held is given back, but for this.
    TakenDown(Vec<String>),
}

/// What matters of the clients that are connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attendance {
    /// Whether one has said that it will clean up, or starts the container again.
    pub cleans_up: bool,
    /// Whether one has said that it has.
    pub cleaned_up: bool,
    /// Whether one starts the container again.
    pub restarts: bool,
    /// Whether one has yet to read what it was sent.
    pub behind: bool,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Hand a signal on to the container.
    PassOn(Signal),
    /// Kill the container.
    Kill,
    /// Record how it ended, tell every client, and reap it.
    Record(Ending),
    /// Give back what it held on this host.
    TakeDown,
    /// Tell every client that all is given back.
    Tell(TakenDown),
    /// Start the program that cleans up after it.
    RunExitCommand,
    /// Take the clients that have connected meanwhile, and hear what they have to say.
    Gather,
    /// Be gone.
    Leave,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It runs.
    Running,
    /// Its end is on record.
    Ended,
    /// All is given back; a client may be about to clean up.
    TakenDown,
    /// Nothing is left to do but for clients to read.
    Leaving,
    /// The last clients were taken.
    Gathered,
}

/// The life of a container, or of one more process in it, from the moment that it runs.
#[derive(Debug)]
pub struct Life {
    phase: Phase,
    /// Whether it holds anything on this host that has to be given back.
    holds: bool,
    timed_out: bool,
    acts: VecDeque<Act>,
    /// What could not be given back, once that is known.
    complaints: Option<Vec<String>>,
    has_complaints: bool,
}

impl Life {
    /// The life of a container.
    pub fn of_container() -> Self {
        Self::new(true)
    }

    /// The life of one more process in a container: it holds nothing of its own.
    pub fn of_process() -> Self {
        Self::new(false)
    }

    fn new(holds: bool) -> Self {
        Self {
            phase: Phase::Running,
            holds,
            timed_out: false,
            acts: VecDeque::new(),
            complaints: None,
            has_complaints: false,
        }
    }

    /// Take note of what has happened.
    pub fn note(&mut self, wake: Wake) {
        match wake {
            Wake::Ended(Role::Main, ending) if self.phase == Phase::Running => {
                let killed = ending == Ending::Signal(Signal::KILL.as_raw());
                // What it was yet to be sent comes too late.
                self.acts = [Act::Record(if self.timed_out && killed { Ending::TimedOut } else { ending })].into();
                self.phase = Phase::Ended;
                if self.holds {
                    self.acts.push_back(Act::TakeDown);
                } else {
                    self.phase = Phase::Leaving;
                }
            }
            Wake::Signal(signal) if self.phase == Phase::Running => self.acts.push_back(Act::PassOn(signal)),
            Wake::Due(Timer::Limit) if self.phase == Phase::Running => {
                self.timed_out = true;
                self.acts.push_back(Act::Kill);
            }
            Wake::TakenDown(complaints) => self.complaints = Some(complaints),
            Wake::Ended(..) | Wake::Signal(_) | Wake::Due(_) => {}
        }
    }

    /// What to do next; None: wait for what happens.
    pub fn decide(&mut self, clients: Attendance) -> Option<Act> {
        if let Some(act) = self.acts.pop_front() {
            return Some(act);
        }
        match self.phase {
            Phase::Running => None,
            Phase::Ended => {
                let complaints = self.complaints.take()?;
                self.has_complaints = !complaints.is_empty();
                self.phase = Phase::TakenDown;
                Some(Act::Tell(TakenDown { complaints, restarts: clients.restarts }))
            }
            Phase::TakenDown if clients.cleans_up && !clients.cleaned_up => None,
            Phase::TakenDown => {
                self.phase = Phase::Leaving;
                // What could not be given back, the program's first look at the container does.
                (!clients.cleaned_up || self.has_complaints)
                    .then_some(Act::RunExitCommand)
                    .or_else(|| self.decide(clients))
            }
            Phase::Leaving => {
                self.phase = Phase::Gathered;
                Some(Act::Gather)
            }
            Phase::Gathered if clients.behind => None,
            Phase::Gathered => Some(Act::Leave),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: Attendance = Attendance { cleans_up: false, cleaned_up: false, restarts: false, behind: false };
    const CLEANER: Attendance = Attendance { cleans_up: true, ..NOBODY };
    const CLEANED: Attendance = Attendance { cleaned_up: true, ..CLEANER };
    const RESTARTER: Attendance = Attendance { restarts: true, ..CLEANER };
    const SLOW: Attendance = Attendance { behind: true, ..NOBODY };

    fn ended(ending: Ending) -> Wake {
        Wake::Ended(Role::Main, ending)
    }

    fn acts(life: &mut Life, clients: Attendance) -> Vec<Act> {
        let mut acts = Vec::new();
        while let Some(act) = life.decide(clients) {
            let last = act == Act::Leave;
            acts.push(act);
            if last {
                break;
            }
        }
        acts
    }

    fn told(complaints: &[&str], restarts: bool) -> Act {
        Act::Tell(TakenDown { complaints: complaints.iter().map(|text| (*text).to_owned()).collect(), restarts })
    }

    /// A container that has ended with code 3, and of which all was given back.
    fn taken_down(complaints: &[&str]) -> Life {
        let mut life = Life::of_container();
        assert_eq!(acts(&mut life, NOBODY), []);
        life.note(ended(Ending::Code(3)));
        assert_eq!(acts(&mut life, NOBODY), [Act::Record(Ending::Code(3)), Act::TakeDown]);
        life.note(Wake::TakenDown(complaints.iter().map(|text| (*text).to_owned()).collect()));
        life
    }

    #[test]
    fn the_exit_command_runs_if_no_client_cleans_up() {
        let all = [told(&[], false), Act::RunExitCommand, Act::Gather, Act::Leave];
        assert_eq!(acts(&mut taken_down(&[]), NOBODY), all);
    }

    #[test]
    fn a_client_that_cleans_up_is_waited_for_until_it_has_or_is_gone() {
        let mut life = taken_down(&[]);
        assert_eq!(acts(&mut life, CLEANER), [told(&[], false)]);
        assert_eq!(acts(&mut life, CLEANER), []);
        assert_eq!(acts(&mut life, CLEANED), [Act::Gather, Act::Leave]);
        let mut life = taken_down(&[]);
        assert_eq!(acts(&mut life, CLEANER), [told(&[], false)]);
        assert_eq!(acts(&mut life, NOBODY), [Act::RunExitCommand, Act::Gather, Act::Leave]);
    }

    #[test]
    fn what_could_not_be_given_back_is_told_and_left_to_the_exit_command() {
        let mut life = taken_down(&["busy"]);
        assert_eq!(acts(&mut life, CLEANED), [told(&["busy"], false), Act::RunExitCommand, Act::Gather, Act::Leave]);
    }

    #[test]
    fn a_restart_is_told_to_all() {
        let mut life = taken_down(&[]);
        assert_eq!(acts(&mut life, RESTARTER), [told(&[], true)]);
        assert_eq!(acts(&mut life, NOBODY), [Act::RunExitCommand, Act::Gather, Act::Leave], "it died before it did");
    }

    #[test]
    fn clients_read_to_the_end_before_the_monitor_leaves() {
        let mut life = taken_down(&[]);
        assert_eq!(acts(&mut life, SLOW), [told(&[], false), Act::RunExitCommand, Act::Gather]);
        assert_eq!(acts(&mut life, SLOW), []);
        assert_eq!(acts(&mut life, NOBODY), [Act::Leave]);
    }

    #[test]
    fn signals_are_passed_on_while_it_runs() {
        let mut life = Life::of_container();
        life.note(Wake::Signal(Signal::TERM));
        life.note(Wake::Signal(Signal::HUP));
        assert_eq!(acts(&mut life, NOBODY), [Act::PassOn(Signal::TERM), Act::PassOn(Signal::HUP)]);
        life.note(Wake::Signal(Signal::INT));
        life.note(ended(Ending::Code(0)));
        life.note(Wake::Signal(Signal::INT));
        assert_eq!(acts(&mut life, NOBODY), [Act::Record(Ending::Code(0)), Act::TakeDown]);
    }

    #[test]
    fn an_end_by_the_limit_is_told_from_others() {
        let table = [
            (true, Ending::Signal(9), Ending::TimedOut),
            (false, Ending::Signal(9), Ending::Signal(9)),
            (true, Ending::Code(4), Ending::Code(4)),
            (true, Ending::Signal(15), Ending::Signal(15)),
        ];
        for (late, ending, recorded) in table {
            let mut life = Life::of_container();
            if late {
                life.note(Wake::Due(Timer::Limit));
                assert_eq!(acts(&mut life, NOBODY), [Act::Kill]);
            }
            life.note(ended(ending));
            assert_eq!(acts(&mut life, NOBODY), [Act::Record(recorded), Act::TakeDown]);
        }
    }

    #[test]
    fn a_limit_after_the_end_does_nothing() {
        let mut life = taken_down(&[]);
        life.note(Wake::Due(Timer::Limit));
        life.note(ended(Ending::Code(0)));
        assert_eq!(acts(&mut life, CLEANED), [told(&[], false), Act::Gather, Act::Leave]);
    }

    #[test]
    fn a_further_process_leaves_nothing_to_give_back() {
        let mut life = Life::of_process();
        life.note(ended(Ending::Code(1)));
        assert_eq!(acts(&mut life, SLOW), [Act::Record(Ending::Code(1)), Act::Gather]);
        assert_eq!(acts(&mut life, NOBODY), [Act::Leave]);
    }
}

//! The program as people run it: a child process, real sockets, real signals.

#[cfg(test)]
mod demo;
#[cfg(test)]
mod process;
#[cfg(test)]
mod serve;

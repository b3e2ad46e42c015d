//! The program as people run it: a child process, real sockets, real signals.

#[cfg(test)]
mod browser;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod process;
#[cfg(test)]
mod serve;
#[cfg(test)]
mod sign_in;

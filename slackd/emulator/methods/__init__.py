"""The Web API's methods that are emulated, a module for each subject; `registry` has them all."""

//! payamak for Node: the native module of the npm package.

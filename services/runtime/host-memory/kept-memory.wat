;; Reads and writes what is kept in the host memory, 64 bytes for each call: one call for every 16 would take most of the time of
;; putting a plugin's memory back. AssemblyScript has no functions of several results, so this is a module of its own.
(module
  (import "extism:host/env" "memory" (memory 0))

  (func (export "load") (param $at i32) (result v128 v128 v128 v128)
    (v128.load (local.get $at))
    (v128.load offset=16 (local.get $at))
    (v128.load offset=32 (local.get $at))
    (v128.load offset=48 (local.get $at)))

  (func (export "store") (param $at i32) (param v128 v128 v128 v128)
    (v128.store (local.get $at) (local.get 1))
    (v128.store offset=16 (local.get $at) (local.get 2))
    (v128.store offset=32 (local.get $at) (local.get 3))
    (v128.store offset=48 (local.get $at) (local.get 4))))

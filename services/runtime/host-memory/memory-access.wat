;; Lets the host read and write a plugin's memory, which it cannot reach by itself: Extism's SDK hands out the exports of the
;; driver only, and the one memory that the driver can have is the host memory. Linked for plugins that use WASI. What lies
;; outside of the memory traps.
(module
  (import "plugin" "state:memory" (memory 0))
  (func (export "load_byte") (param $at i32) (result i32) (i32.load8_u (local.get $at)))
  (func (export "load_word") (param $at i32) (result i32) (i32.load (local.get $at)))
  (func (export "store_byte") (param $at i32) (param $value i32) (i32.store8 (local.get $at) (local.get $value)))
  (func (export "store_word") (param $at i32) (param $value i32) (i32.store (local.get $at) (local.get $value))))

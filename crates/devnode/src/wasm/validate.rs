//! Which modules the chain accepts: features, limits, imports, exports.
//!
//! [`Binary::parse`] holds whatever can be refused before instrumentation, [`Binary::link`] what is refused when the
//! module is built. The texts of refusals are Nitro's where they are known.

use std::{collections::HashMap, fmt, ops::Range};

use wasmparser::{
    BinaryReader, CompositeInnerType, ConstExpr, DataKind, Element, ElementItems, ElementKind, Export, ExternalKind,
    FuncType, FunctionBody, GlobalType, Import, MemoryType, Name, NameSectionReader, Operator, Parser, Payload,
    TypeRef, ValType, Validator, WasmFeatures,
};

use super::{activation::ActivationError, host};
use crate::rules::Rules;

/// Name of the function that a call runs.
pub(super) const ENTRYPOINT: &str = "user_entrypoint";
/// Name of the only memory.
pub(super) const MEMORY: &str = "memory";
/// Name of the host function that pays for memory.
pub(super) const PAY_FOR_MEMORY_GROW: &str = "pay_for_memory_grow";

/// Most of each thing that a module may have.
mod limit {
    pub(super) const DATAS: u64 = 128;
    pub(super) const ELEMENTS: u64 = 128;
    pub(super) const ELEMENT_BYTES: u64 = 4_096;
    pub(super) const EXPORTS: u64 = 1_024;
    pub(super) const FUNCTIONS: u64 = 4_096;
    pub(super) const GLOBALS: u64 = 32_768;
    pub(super) const IMPORTS: u64 = 513;
    pub(super) const LOCALS: u64 = 348;
    pub(super) const MEMORIES: u64 = 1;
    pub(super) const NAME: u64 = 512;
    pub(super) const TABLE_ENTRIES: u64 = 4_096;
}

/// A parsed module, borrowed from its bytes.
pub(super) struct Binary<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) types: Vec<FuncType>,
    pub(super) imports: Vec<Import<'a>>,
    /// Type of each function of its own.
    pub(super) functions: Vec<u32>,
    pub(super) tables: Vec<u64>,
    pub(super) memory: MemoryType,
    pub(super) globals: u32,
    pub(super) exports: Vec<Export<'a>>,
    pub(super) bodies: Vec<FunctionBody<'a>>,
    /// Bytes of data segments as they are encoded.
    pub(super) data_bytes: u64,
    /// Bytes of element segments as they are encoded.
    pub(super) element_bytes: u64,
    /// Bytes that data segments hold.
    pub(super) content_bytes: u64,
    pub(super) has_start: bool,
    /// Sections that instrumentation copies, by id.
    pub(super) sections: HashMap<u8, Range<usize>>,
    datas: Vec<(u32, u64)>,
    elements: Vec<(u32, u32, u64)>,
}

/// What the validator lets through.
fn features(rules: &Rules) -> WasmFeatures {
    let mut features = WasmFeatures::MVP
        | WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::SATURATING_FLOAT_TO_INT
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::BULK_MEMORY;
    features.set(WasmFeatures::MULTI_VALUE, rules.multi_value);
    features
}

impl<'a> Binary<'a> {
    /// Parses and checks a module. `page_limit` is how many pages it may start with.
    pub(super) fn parse(bytes: &'a [u8], rules: &Rules, page_limit: u16) -> Result<Self, ActivationError> {
        Validator::new_with_features(features(rules))
            .validate_all(bytes)
            .map_err(|error| ActivationError::parse(["failed to validate user".to_owned(), error.to_string()]))?;
        let binary = Self::read(bytes).map_err(|why| ActivationError::parse([why]))?;
        binary.check(rules, page_limit).map_err(|why| ActivationError::parse([why]))?;
        Ok(binary)
    }

    fn read(bytes: &'a [u8]) -> Result<Self, String> {
        let text = |error: wasmparser::BinaryReaderError| error.to_string();
        let mut types = Vec::new();
        let mut imports = Vec::new();
        let mut functions = Vec::new();
        let mut tables = Vec::new();
        let mut memories = Vec::new();
        let mut globals = 0;
        let mut exports: Vec<Export<'a>> = Vec::new();
        let mut bodies = Vec::new();
        let mut has_start = false;
        let mut sections = HashMap::new();
        let (mut data_bytes, mut element_bytes, mut content_bytes) = (0, 0, 0);
        let (mut datas, mut elements) = (Vec::new(), Vec::new());
        let (mut data_count, mut element_count) = (0u64, 0u64);

        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload.map_err(text)?;
            if let Some((id @ (1..=7 | 9 | 11), range)) = payload.as_section() {
                sections.insert(id, range.start as usize..range.end as usize);
            }
            match payload {
                Payload::Version { .. } | Payload::End(_) => {}
                Payload::TypeSection(reader) => {
                    for group in reader {
                        for ty in group.map_err(text)?.into_types() {
                            let CompositeInnerType::Func(ty) = ty.composite_type.inner else {
                                return Err("unsupported type".to_owned());
                            };
                            types.push(ty);
                        }
                    }
                }
                Payload::ImportSection(reader) => {
                    for import in reader.into_imports() {
                        let import = import.map_err(text)?;
                        if !matches!(import.ty, TypeRef::Func(_)) {
                            return Err(unsupported_import(&import));
                        }
                        imports.push(import);
                    }
                }
                Payload::FunctionSection(reader) => {
                    functions = reader.into_iter().collect::<Result<_, _>>().map_err(text)?;
                }
                Payload::TableSection(reader) => {
                    for table in reader {
                        tables.push(table.map_err(text)?.ty.initial);
                    }
                }
                Payload::MemorySection(reader) => {
                    memories = reader.into_iter().collect::<Result<_, _>>().map_err(text)?;
                }
                Payload::GlobalSection(reader) => globals = reader.count(),
                Payload::ExportSection(reader) => {
                    exports = reader.into_iter().collect::<Result<_, _>>().map_err(text)?;
                }
                Payload::StartSection { .. } => has_start = true,
                Payload::ElementSection(reader) => {
                    element_count = reader.count().into();
                    for element in reader {
                        let element = element.map_err(text)?;
                        element_bytes += element.range.end - element.range.start;
                        elements.extend(active_element(&element)?);
                    }
                }
                Payload::CodeSectionStart { .. } => {}
                Payload::CodeSectionEntry(body) => bodies.push(body),
                Payload::DataSection(reader) => {
                    data_count = reader.count().into();
                    for data in reader {
                        let data = data.map_err(text)?;
                        data_bytes += data.range.end - data.range.start;
                        content_bytes += data.data.len() as u64;
                        if let DataKind::Active { offset_expr, .. } = data.kind {
                            datas.push((constant(&offset_expr)?, data.data.len() as u64));
                        }
                    }
                }
                Payload::CustomSection(reader) => {
                    if reader.name() == "name" {
                        check_names(reader.data(), reader.data_offset())?;
                    }
                }
                other => return Err(format!("unsupported section type {other:?}")),
            }
        }

        at_most("memories", memories.len() as u64, limit::MEMORIES)?;
        at_most("datas", data_count, limit::DATAS)?;
        at_most("elements", element_count, limit::ELEMENTS)?;
        at_most("imports", imports.len() as u64, limit::IMPORTS)?;
        let &[memory] = memories.as_slice() else {
            return Err("missing memory export with name memory".to_owned());
        };
        Ok(Self {
            bytes,
            types,
            imports,
            functions,
            tables,
            memory,
            globals,
            exports,
            bodies,
            data_bytes,
            element_bytes,
            content_bytes,
            has_start,
            sections,
            datas,
            elements,
        })
    }

    fn check(&self, rules: &Rules, page_limit: u16) -> Result<(), String> {
        let added = super::instrument::GLOBALS.len() as u64;
        // what an export section holds in the end: the entry point, the memory and the meter's globals
        let exports = if rules.debug { self.exports.len() as u64 } else { 2 };
        at_most("exports", exports + added, limit::EXPORTS)?;
        at_most("functions", self.functions.len() as u64, limit::FUNCTIONS)?;
        at_most("globals", u64::from(self.globals) + added, limit::GLOBALS)?;
        at_most("table entries", self.tables.iter().sum(), limit::TABLE_ENTRIES)?;
        at_most("element entries", self.element_bytes, limit::ELEMENT_BYTES)?;
        for body in &self.bodies {
            let locals = body.get_locals_reader().map_err(|error| error.to_string())?;
            let mut count = 0u64;
            for group in locals {
                count += u64::from(group.map_err(|error| error.to_string())?.0);
            }
            at_most("locals", count, limit::LOCALS)?;
        }

        let names = self.imports.iter().flat_map(|import| [import.module, import.name]);
        for name in names.chain(self.exports.iter().map(|export| export.name)) {
            check_name(name)?;
        }
        if let Some(import) = self.imports.iter().find(|import| import.name.starts_with("stylus")) {
            return Err(format!("binary imports reserved symbol {}", import.name));
        }
        if let Some(export) = self.exports.iter().find(|export| export.name.starts_with("stylus")) {
            return Err(format!("binary exports reserved symbol {}", export.name));
        }
        for export in &self.exports {
            let last = export.name.rsplit("__").next().unwrap_or_default();
            if self.imports.iter().any(|import| import.name == last) {
                return Err(format!("binary exports an import with the same name {last}"));
            }
        }
        let mut seen: HashMap<(&str, &str), &FuncType> = HashMap::new();
        for import in &self.imports {
            let ty = self.import_type(import);
            if *seen.entry((import.module, import.name)).or_insert(ty) != ty {
                return Err(format!("inconsistent imports for {} {}", import.module, import.name));
            }
        }
        if self.has_start && !rules.debug {
            return Err("wasm start functions not allowed".to_owned());
        }

        let entry = self
            .exports
            .iter()
            .find(|export| export.name == ENTRYPOINT && export.kind == ExternalKind::Func)
            .ok_or_else(|| format!("missing export with name {ENTRYPOINT}"))?;
        let entry = self.function_type(entry.index);
        if (entry.params(), entry.results()) != (&[ValType::I32][..], &[ValType::I32][..]) {
            return Err(format!("wrong type for {ENTRYPOINT}: {}", Signature(entry)));
        }
        if !self.exports.iter().any(|export| export.name == MEMORY && export.kind == ExternalKind::Memory) {
            return Err(format!("missing memory with export name {MEMORY}"));
        }
        if self.memory.initial > page_limit.into() {
            return Err(format!("memory size {} exceeds bound {page_limit}", self.memory.initial));
        }
        if !self.memory_is_fixed() && self.pay_for_memory_grow().is_none() {
            return Err(format!("missing import {PAY_FOR_MEMORY_GROW}"));
        }
        Ok(())
    }

    /// Checks what only building the module shows: imports that exist, operations without code, segments out of bounds.
    pub(super) fn link(&self, rules: &Rules) -> Result<(), ActivationError> {
        self.link_imports(rules).map_err(ActivationError::build)?;
        for body in &self.bodies {
            refuse_operations(body).map_err(ActivationError::build)?;
        }
        let memory = self.memory.initial * 65_536;
        for &(offset, size) in &self.datas {
            if u64::from(offset) + size > memory {
                let text = format!("Out-of-bounds data memory init with offset {offset} and size {size}");
                return Err(ActivationError::build(text));
            }
        }
        for &(table, offset, length) in &self.elements {
            let entries = self.tables.get(table as usize).copied().unwrap_or_default();
            if u64::from(offset) + length > entries {
                return Err(ActivationError::build(format!(
                    "Out of bounds element segment at offset {offset} and length {length} for table of length {entries}"
                )));
            }
        }
        Ok(())
    }

    fn link_imports(&self, rules: &Rules) -> Result<(), String> {
        for import in &self.imports {
            let Import { module, name, .. } = import;
            let have = self.import_type(import);
            match host::signature(module, name, rules.debug) {
                None => return Err(format!("No such import {name} in {module} for user")),
                Some(expected) if &expected == have => {}
                Some(expected) => {
                    return Err(format!(
                        "Import {name} for user has different function signature than export.\nexpected {} in \
                         {module}\nbut have {}",
                        Signature(&expected),
                        Signature(have)
                    ));
                }
            }
        }
        Ok(())
    }

    /// Type of a function by its index, imports first.
    pub(super) fn function_type(&self, index: u32) -> &FuncType {
        let own = (index as usize).checked_sub(self.imports.len());
        match own {
            Some(own) => &self.types[self.functions[own] as usize],
            None => self.import_type(&self.imports[index as usize]),
        }
    }

    fn import_type(&self, import: &Import<'_>) -> &FuncType {
        let TypeRef::Func(ty) = import.ty else { unreachable!("other imports were refused") };
        &self.types[ty as usize]
    }

    /// The memory cannot grow, so nobody has to pay for it.
    pub(super) fn memory_is_fixed(&self) -> bool {
        self.memory.maximum == Some(self.memory.initial)
    }

    /// Index of the imported function that pays for memory.
    pub(super) fn pay_for_memory_grow(&self) -> Option<u32> {
        let index = self.imports.iter().position(|import| {
            let ty = self.import_type(import);
            import.module == "vm_hooks"
                && import.name == PAY_FOR_MEMORY_GROW
                && ty.params() == [ValType::I32]
                && ty.results().is_empty()
        });
        index.map(|index| index as u32)
    }
}

/// A function type as Nitro writes it.
struct Signature<'t>(&'t FuncType);

impl fmt::Display for Signature<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |types: &[ValType]| types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        write!(f, "λ({})", list(self.0.params()))?;
        match self.0.results() {
            [] => Ok(()),
            results => write!(f, " -> {}", list(results)),
        }
    }
}

/// As the parser that Nitro uses shows an import.
fn unsupported_import(import: &Import<'_>) -> String {
    let Import { module, name, ty } = import;
    let ty = match ty {
        TypeRef::Global(GlobalType { content_type, mutable, .. }) => {
            format!("Global(GlobalType {{ content_type: {content_type:?}, mutable: {mutable} }})")
        }
        other => format!("{other:?}"),
    };
    format!("unsupported import kind Import {{ module: {module:?}, name: {name:?}, ty: {ty} }}")
}

fn at_most(what: &str, count: u64, most: u64) -> Result<(), String> {
    if count > most { Err(format!("too many wasm {what}: {count} > {most}")) } else { Ok(()) }
}

fn check_name(name: &str) -> Result<(), String> {
    let length = name.len() as u64;
    if length > limit::NAME { Err(format!("wasm name too long: {length} > {}", limit::NAME)) } else { Ok(()) }
}

fn check_names(data: &[u8], offset: u64) -> Result<(), String> {
    // a malformed name section is of no consequence: nothing reads it but this
    for names in NameSectionReader::new(BinaryReader::new(data, offset)).map_while(Result::ok) {
        match names {
            Name::Module { name, .. } => check_name(name)?,
            Name::Function(map) => {
                for naming in map.into_iter().map_while(Result::ok) {
                    check_name(naming.name)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Value of an initial expression that places a segment.
fn constant(expr: &ConstExpr<'_>) -> Result<u32, String> {
    let mut ops = expr.get_operators_reader();
    match (ops.read(), ops.read()) {
        (Ok(Operator::I32Const { value }), Ok(Operator::End)) => Ok(value as u32),
        _ => Err("segment offset is no i32 constant".to_owned()),
    }
}

fn active_element(element: &Element<'_>) -> Result<Option<(u32, u32, u64)>, String> {
    let ElementKind::Active { table_index, offset_expr } = &element.kind else { return Ok(None) };
    let length = match &element.items {
        ElementItems::Functions(items) => items.count(),
        ElementItems::Expressions(..) => return Err("unsupported element expressions".to_owned()),
    };
    Ok(Some((table_index.unwrap_or(0), constant(offset_expr)?, length.into())))
}

/// Refuses what the proving machine has no code for: operations on floats, but for constants, loads, stores and
/// reinterpretations, and those on segments and tables.
fn refuse_operations(body: &FunctionBody<'_>) -> Result<(), String> {
    use Operator as O;
    let text = |error: wasmparser::BinaryReaderError| error.to_string();
    for op in body.get_operators_reader().map_err(text)? {
        let op = op.map_err(text)?;
        if let Some(name) = float_operation(&op) {
            return Err(format!("No implementation for floating point operation {name} in user"));
        }
        if let O::MemoryInit { .. }
        | O::DataDrop { .. }
        | O::ElemDrop { .. }
        | O::TableInit { .. }
        | O::TableCopy { .. } = op
        {
            return Err(format!("unsupported operation {op:?} in user"));
        }
    }
    Ok(())
}

fn float_operation(op: &Operator<'_>) -> Option<&'static str> {
    use Operator as O;
    Some(match op {
        O::F32Eq => "RelOp(F32, Eq)",
        O::F32Ne => "RelOp(F32, Ne)",
        O::F32Lt => "RelOp(F32, Lt)",
        O::F32Gt => "RelOp(F32, Gt)",
        O::F32Le => "RelOp(F32, Le)",
        O::F32Ge => "RelOp(F32, Ge)",
        O::F64Eq => "RelOp(F64, Eq)",
        O::F64Ne => "RelOp(F64, Ne)",
        O::F64Lt => "RelOp(F64, Lt)",
        O::F64Gt => "RelOp(F64, Gt)",
        O::F64Le => "RelOp(F64, Le)",
        O::F64Ge => "RelOp(F64, Ge)",
        O::F32Abs => "UnOp(F32, Abs)",
        O::F32Neg => "UnOp(F32, Neg)",
        O::F32Ceil => "UnOp(F32, Ceil)",
        O::F32Floor => "UnOp(F32, Floor)",
        O::F32Trunc => "UnOp(F32, Trunc)",
        O::F32Nearest => "UnOp(F32, Nearest)",
        O::F32Sqrt => "UnOp(F32, Sqrt)",
        O::F64Abs => "UnOp(F64, Abs)",
        O::F64Neg => "UnOp(F64, Neg)",
        O::F64Ceil => "UnOp(F64, Ceil)",
        O::F64Floor => "UnOp(F64, Floor)",
        O::F64Trunc => "UnOp(F64, Trunc)",
        O::F64Nearest => "UnOp(F64, Nearest)",
        O::F64Sqrt => "UnOp(F64, Sqrt)",
        O::F32Add => "BinOp(F32, Add)",
        O::F32Sub => "BinOp(F32, Sub)",
        O::F32Mul => "BinOp(F32, Mul)",
        O::F32Div => "BinOp(F32, Div)",
        O::F32Min => "BinOp(F32, Min)",
        O::F32Max => "BinOp(F32, Max)",
        O::F32Copysign => "BinOp(F32, CopySign)",
        O::F64Add => "BinOp(F64, Add)",
        O::F64Sub => "BinOp(F64, Sub)",
        O::F64Mul => "BinOp(F64, Mul)",
        O::F64Div => "BinOp(F64, Div)",
        O::F64Min => "BinOp(F64, Min)",
        O::F64Max => "BinOp(F64, Max)",
        O::F64Copysign => "BinOp(F64, CopySign)",
        O::I32TruncF32S => "TruncIntOp(I32, F32, false, true)",
        O::I32TruncF32U => "TruncIntOp(I32, F32, false, false)",
        O::I32TruncF64S => "TruncIntOp(I32, F64, false, true)",
        O::I32TruncF64U => "TruncIntOp(I32, F64, false, false)",
        O::I64TruncF32S => "TruncIntOp(I64, F32, false, true)",
        O::I64TruncF32U => "TruncIntOp(I64, F32, false, false)",
        O::I64TruncF64S => "TruncIntOp(I64, F64, false, true)",
        O::I64TruncF64U => "TruncIntOp(I64, F64, false, false)",
        O::I32TruncSatF32S => "TruncIntOp(I32, F32, true, true)",
        O::I32TruncSatF32U => "TruncIntOp(I32, F32, true, false)",
        O::I32TruncSatF64S => "TruncIntOp(I32, F64, true, true)",
        O::I32TruncSatF64U => "TruncIntOp(I32, F64, true, false)",
        O::I64TruncSatF32S => "TruncIntOp(I64, F32, true, true)",
        O::I64TruncSatF32U => "TruncIntOp(I64, F32, true, false)",
        O::I64TruncSatF64S => "TruncIntOp(I64, F64, true, true)",
        O::I64TruncSatF64U => "TruncIntOp(I64, F64, true, false)",
        O::F32ConvertI32S => "ConvertIntOp(F32, I32, true)",
        O::F32ConvertI32U => "ConvertIntOp(F32, I32, false)",
        O::F32ConvertI64S => "ConvertIntOp(F32, I64, true)",
        O::F32ConvertI64U => "ConvertIntOp(F32, I64, false)",
        O::F64ConvertI32S => "ConvertIntOp(F64, I32, true)",
        O::F64ConvertI32U => "ConvertIntOp(F64, I32, false)",
        O::F64ConvertI64S => "ConvertIntOp(F64, I64, true)",
        O::F64ConvertI64U => "ConvertIntOp(F64, I64, false)",
        O::F32DemoteF64 => "F32DemoteF64",
        O::F64PromoteF32 => "F64PromoteF32",
        _ => return None,
    })
}

//! The catalogue of FEEL's built-in functions: names, parameters, how many arguments each takes.

macro_rules! builtins {
    ($($id:ident $name:literal [$($form:literal)|+]),+ $(,)?) => {
        /// A built-in function.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Builtin { $(
            #[doc = $name]
            $id
        ),+ }

        /// Every built-in, in the order of the standard's chapters.
        pub const ALL: &[Builtin] = &[$(Builtin::$id),+];

        impl Builtin {
            /// Its name.
            pub fn name(self) -> &'static str {
                match self { $(Builtin::$id => $name),+ }
            }

            /// Its forms: parameter names divided by commas; `?` marks an optional one, `...` a last
            /// one that repeats.
            pub fn forms(self) -> &'static [&'static str] {
                match self { $(Builtin::$id => &[$($form),+]),+ }
            }
        }
    };
}

builtins! {
    Number "number" ["from,grouping separator?,decimal separator?"],
    String "string" ["from"],
    Context "context" ["entries"],
    Date "date" ["from" | "year,month,day"],
    DateAndTime "date and time" ["from" | "date,time" | "from,time" | "year,month,day,hour,minute,second,offset?"],
    Time "time" ["from" | "hour,minute,second,offset?"],
    Duration "duration" ["from"],
    YearsMonthsDuration "years and months duration" ["from,to"],
    RangeOf "range" ["from"],
    Not "not" ["negand"],
    Substring "substring" ["string,start position,length?"],
    StringLength "string length" ["string"],
    UpperCase "upper case" ["string"],
    LowerCase "lower case" ["string"],
    SubstringBefore "substring before" ["string,match"],
    SubstringAfter "substring after" ["string,match"],
    Replace "replace" ["input,pattern,replacement,flags?"],
    Contains "contains" ["string,match"],
    StartsWith "starts with" ["string,match"],
    EndsWith "ends with" ["string,match"],
    Matches "matches" ["input,pattern,flags?"],
    Split "split" ["string,delimiter"],
    StringJoin "string join" ["list,delimiter?"],
    ListContains "list contains" ["list,element"],
    Count "count" ["list"],
    Min "min" ["list" | "c..."],
    Max "max" ["list" | "c..."],
    Sum "sum" ["list" | "n..."],
    Mean "mean" ["list" | "n..."],
    All "all" ["list" | "b..."],
    Any "any" ["list" | "b..."],
    Sublist "sublist" ["list,start position,length?"],
    Append "append" ["list,item..."],
    Concatenate "concatenate" ["list..."],
    InsertBefore "insert before" ["list,position,newItem"],
    Remove "remove" ["list,position"],
    ListReplace "list replace" ["list,position,newItem" | "list,match,newItem"],
    Reverse "reverse" ["list"],
    IndexOf "index of" ["list,match"],
    Union "union" ["list..."],
    DistinctValues "distinct values" ["list"],
    Flatten "flatten" ["list"],
    Product "product" ["list" | "n..."],
    Median "median" ["list" | "n..."],
    Stddev "stddev" ["list" | "n..."],
    Mode "mode" ["list" | "n..."],
    Decimal "decimal" ["n,scale"],
    Floor "floor" ["n,scale?"],
    Ceiling "ceiling" ["n,scale?"],
    RoundUp "round up" ["n,scale"],
    RoundDown "round down" ["n,scale"],
    RoundHalfUp "round half up" ["n,scale"],
    RoundHalfDown "round half down" ["n,scale"],
    Abs "abs" ["n"],
    Modulo "modulo" ["dividend,divisor"],
    Sqrt "sqrt" ["number"],
    Log "log" ["number"],
    Exp "exp" ["number"],
    Odd "odd" ["number"],
    Even "even" ["number"],
    Is "is" ["value1?,value2?"],
    Before "before" ["point1,point2" | "range,point" | "point,range" | "range1,range2"],
    After "after" ["point1,point2" | "range,point" | "point,range" | "range1,range2"],
    Meets "meets" ["range1,range2"],
    MetBy "met by" ["range1,range2"],
    Overlaps "overlaps" ["range1,range2"],
    OverlapsBefore "overlaps before" ["range1,range2"],
    OverlapsAfter "overlaps after" ["range1,range2"],
    Finishes "finishes" ["point,range" | "range1,range2"],
    FinishedBy "finished by" ["range,point" | "range1,range2"],
    Includes "includes" ["range,point" | "range1,range2"],
    During "during" ["point,range" | "range1,range2"],
    Starts "starts" ["point,range" | "range1,range2"],
    StartedBy "started by" ["range,point" | "range1,range2"],
    Coincides "coincides" ["point1,point2" | "range1,range2"],
    DayOfYear "day of year" ["date"],
    DayOfWeek "day of week" ["date"],
    MonthOfYear "month of year" ["date"],
    WeekOfYear "week of year" ["date"],
    Sort "sort" ["list,precedes?"],
    GetValue "get value" ["m,key"],
    GetEntries "get entries" ["m"],
    ContextPut "context put" ["context,key,value" | "context,keys,value"],
    ContextMerge "context merge" ["contexts"],
    Now "now" [""],
    Today "today" [""],
}

/// One form, taken apart.
#[derive(Clone, Debug)]
pub struct Form {
    /// Parameter names.
    pub params: Vec<&'static str>,
    /// How many must be there.
    pub required: usize,
    /// Does the last one repeat?
    pub variadic: bool,
}

impl Form {
    fn read(text: &'static str) -> Form {
        let mut form = Form {
            params: Vec::new(),
            required: 0,
            variadic: false,
        };
        for part in text.split(',').filter(|p| !p.is_empty()) {
            if let Some(name) = part.strip_suffix('?') {
                form.params.push(name);
            } else if let Some(name) = part.strip_suffix("...") {
                form.params.push(name);
                form.required += 1;
                form.variadic = true;
            } else {
                form.params.push(part);
                form.required += 1;
            }
        }
        form
    }

    /// Does it take so many arguments?
    pub fn takes(&self, count: usize) -> bool {
        count >= self.required && (self.variadic || count <= self.params.len())
    }
}

impl Builtin {
    /// By name.
    pub fn named(name: &str) -> Option<Builtin> {
        ALL.iter().copied().find(|b| b.name() == name)
    }

    /// Its forms, taken apart.
    pub fn signatures(self) -> Vec<Form> {
        self.forms().iter().map(|f| Form::read(f)).collect()
    }

    /// Does any form take so many arguments?
    pub fn takes(self, count: usize) -> bool {
        self.signatures().iter().any(|f| f.takes(count))
    }

    /// Where named arguments go: for each argument its place; `None` when no form has these names.
    pub fn places(self, names: &[&str]) -> Option<Vec<usize>> {
        self.signatures().iter().find_map(|form| {
            let places: Option<Vec<usize>> = names
                .iter()
                .map(|n| form.params.iter().position(|p| p == n))
                .collect();
            let places = places?;
            let all_required = (0..form.required).all(|i| places.contains(&i));
            let distinct = (0..places.len()).all(|i| !places[..i].contains(&places[i]));
            (all_required && distinct).then_some(places)
        })
    }
}

using Tuna.Testing;

namespace Tuna.Data.Tests.Formats;

/// <summary>Rows as the data sets that people have write them, read through the one entry point. Each is what somebody lost without a
/// word.</summary>
public sealed class KnownDataSetsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // LLaMA-Factory's preference layout: the prompt was taken for what the two answers begin with ("B"), and the instruction written twice.
    [Fact]
    public void Read_LlamaFactory_HasInstructionAndInput()
    {
        RankedExample row = Ranked(
            """{"instruction":"Name a colour of the sky.","input":"At noon.","chosen":"Blue.","rejected":"Brown."}""");
        Assert.Equal(("Name a colour of the sky.", "At noon."), (row.Instruction, row.Input));
        Assert.Equal(["Blue.", "Brown."], row.Outputs);
        Assert.Equal([1, 0], row.Scores);
        Assert.Empty(row.Extra);
    }

    [Fact]
    public void Read_LlamaFactoryWithHistoryAndSystem_HasAllTurns()
    {
        RankedExample row = Ranked(
            """{"instruction":"And then?","input":"","system":"Be brief.","history":[["Hi","Hello."]],"chosen":"Bye.","rejected":"No."}""");
        Assert.Equal("Be brief.\n\nUser: Hi\n\nAssistant: Hello.\n\nUser: And then?", row.Instruction);
        Assert.Equal("prompt_messages", Assert.Single(row.Extra).Name);
        Assert.Equal(4, row.Extra[0].Json.Split("\"role\"").Length - 1);
    }

    // Intel's orca_dpo_pairs: the instruction became "The", and the question was lost.
    [Fact]
    public void Read_Orca_HasTheQuestionUnderItsSystemPrompt()
    {
        RankedExample row = Ranked(
            """{"system":"Be careful.","question":"Which river?","chosen":"The Blue River.","rejected":"The mountain."}""");
        Assert.Equal("Be careful.\n\nWhich river?", row.Instruction);
        row = Ranked("""{"system":"","question":"Add 2 and 3.","chosen":"5","rejected":"6"}""");
        Assert.Equal("Add 2 and 3.", row.Instruction);
        Assert.Empty(row.Extra);
        row = Ranked(
            """{"system":"","input":"Add 2 and 3.","chosen":"5","rejected":"6","generations":["5","6"],"order":["chosen","rejected"]}""");
        Assert.Equal("Add 2 and 3.", row.Instruction);
        Assert.Equal(["generations", "order"], row.Extra.Select(f => f.Name));
    }

    // Two turns vanished where a `prompt` stood beside whole conversations.
    [Fact]
    public void Read_ConversationsBesideAPrompt_KeepsEveryTurn()
    {
        const string Turns =
            """{"role":"user","content":"Capital?"},{"role":"assistant","content":"Glorian."},"""
                + """{"role":"user","content":"How many people?"}""";
        RankedExample row = Ranked(
            $$"""{"prompt":"Capital?","chosen":[{{Turns}},{"role":"assistant","content":"Thousands."}],"rejected":"""
                + $$"""[{{Turns}},{"role":"assistant","content":"Unsure."}]}""");
        Assert.Equal("User: Capital?\n\nAssistant: Glorian.\n\nUser: How many people?", row.Instruction);
        Assert.Equal(["Thousands.", "Unsure."], row.Outputs);
        row = Ranked(
            $$"""{"prompt":"Something else.","chosen":[{{Turns}},{"role":"assistant","content":"Thousands."}],"rejected":"""
                + $$"""[{{Turns}},{"role":"assistant","content":"Unsure."}]}""");
        Assert.Contains(row.Extra, f => f is { Name: "prompt", Json: "\"Something else.\"" });
    }

    [Fact]
    public void Read_ShareGptPreference_HasThePrompt()
    {
        RankedExample row = Ranked(
            """{"conversations":[{"from":"human","value":"Name a fish."}],"chosen":{"from":"gpt","value":"Tuna."},"rejected":"""
                + """{"from":"gpt","value":"A stone."}}""");
        Assert.Equal("Name a fish.", row.Instruction);
        Assert.Equal(["Tuna.", "A stone."], row.Outputs);
    }

    // TRL splits between characters; the common prefix ended inside an emoji, and both halves became U+FFFD.
    [Theory]
    [InlineData("Human: react\n\nAssistant: 😀 nice", "Human: react\n\nAssistant: 😡 no", "Human: react\n\nAssistant:", " 😀 nice")]
    [InlineData("Colour? 😀", "Colour? 😡", "Colour?", " 😀")]
    [InlineData("Hi 👍🏽 you", "Hi 👍🏿 you", "Hi", " 👍🏽 you")] // one hand, two code points
    [InlineData("Hi e\u0301x", "Hi e\u0300x", "Hi", " e\u0301x")] // a letter with its accent
    [InlineData("\n\nHuman: Which?\n\nAssistant: The river.", "\n\nHuman: Which?\n\nAssistant: The hill.",
        "\n\nHuman: Which?\n\nAssistant:", " The river.")]
    public void Read_CommonBeginning_PartsBetweenCharacters(string chosen, string rejected, string prompt, string answer)
    {
        RankedExample row = Ranked($$"""{"chosen":{{Json(chosen)}},"rejected":{{Json(rejected)}}}""");
        Assert.Equal((prompt, answer), (row.Instruction, row.Outputs[0]));
        Assert.Equal(rejected, row.Instruction + row.Outputs[1]);
    }

    [Theory]
    [InlineData("""{"topic":"rivers","chosen":"The river.","rejected":"The hill."}""",
        "key 'topic': there is no prompt; the row has the fields topic, chosen, rejected")]
    [InlineData("""{"chosen":"A","rejected":"B"}""", "there is no prompt; the row has the fields chosen, rejected")]
    [InlineData("""{"prompt":"p","completion":"c","label":true}""", "these rows are unpaired preferences (KTO)")]
    [InlineData("""{"instruction":"i","input":"","output":"bad","kto_tag":false}""", "key 'kto_tag': these rows are unpaired")]
    [InlineData("""{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"bad"}],"label":false}""", "unpaired")]
    [InlineData("""{"instruction":"i","outputs":["a","b"],"score":[1,0]}""", "Did you mean 'output' for 'outputs'?")]
    [InlineData("""{"id":"1","instruction":"i","output":["a","b"],"scores":[1,0]}""", "key 'scores': did you mean 'score'?")]
    [InlineData("""{"id":"1","instruction":"i","output":["a","b"],"Score":[1,0]}""", "key 'Score': did you mean 'score'?")]
    [InlineData("""{"promt":"p","chosen":"x a","rejected":"x b"}""", "the row has the fields promt, chosen, rejected")]
    [InlineData("""{"prompt":"p","chosen":"x"}""", "has the fields prompt, chosen")]
    [InlineData("""{"query":"q","responses":["a"]}""", "has the fields query, responses")]
    public void Read_TooFewFields_NamesThoseFound(string row, string message)
    {
        DataFormatException e = Assert.Throws<DataFormatException>(() => Ranked(row));
        Assert.Contains("rows.jsonl, line 1", e.Message);
        Assert.Contains(message, e.Message);
    }

    // Mixed sets fill the columns of others with null: the preference was dropped, mixed with a rating, or overruled.
    [Theory]
    [InlineData("null", "null", 1.0, 0.0, "")]
    [InlineData("8.0", "8.0", 8.0, 8.0, "")]
    [InlineData("8.5", "2", 8.5, 2.0, "")]
    [InlineData("3.0", "5.0", 1.0, 0.0, "score_chosen,score_rejected")]
    [InlineData("4.0", "null", 1.0, 0.0, "score_chosen,score_rejected")]
    public void Read_Ratings_NeverOverruleTheLabel(string chosen, string rejected, double first, double second, string kept)
    {
        var report = new DataReadReport();
        RankedExample row = Ranked(
            $$"""{"prompt":"p","chosen":"a","rejected":"b","score_chosen":{{chosen}},"score_rejected":{{rejected}}}""", new()
            {
                Report = report,
            });
        Assert.Equal([first, second], row.Scores);
        Assert.Equal(kept, string.Join(",", row.Extra.Select(f => f.Name)));
        Assert.Equal(kept.Length > 0 || first == second ? 1 : 0, report.Counts.Values.Sum());
    }

    [Fact]
    public void Read_Nectar_RanksSevenAnswers()
    {
        string answers = string.Join(",",
            Enumerable.Range(1, 7).Select(r => $$"""{"answer":"a{{r}}","model":"m{{r}}","rank":{{Math.Min(r, 6)}}}"""));
        RankedExample row = Ranked(
            $$"""{"prompt":"\n\nHuman: Q?\n\nAssistant: ","answers":[{{answers}}],"turns":1,"num_responses":7,"source":"""
                + """["s"],"good_natured":true}""");
        Assert.Equal([5, 4, 3, 2, 1, 0, 0], row.Scores);
        Assert.Equal("m7", row.Models[6]);
        Assert.Equal(["turns", "num_responses", "source", "good_natured"], row.Extra.Select(f => f.Name));
    }

    // HelpSteer2 has a response a row; two rows in a row answer the same prompt.
    [Fact]
    public void Read_HelpSteer_JoinsTheResponsesOfAPrompt()
    {
        RankedExample[] rows = RankedRows("""
            {"prompt":"p","response":"a","helpfulness":3,"correctness":4,"coherence":4,"complexity":1,"verbosity":1}
            {"prompt":"p","response":"b","helpfulness":1,"correctness":null,"coherence":4,"complexity":1,"verbosity":2}
            {"prompt":"q","response":"c","helpfulness":2,"correctness":2,"coherence":4,"complexity":2,"verbosity":2}
            """);
        Assert.Equal(["p", "q"], rows.Select(r => r.Instruction));
        Assert.Equal(["a", "b"], rows[0].Outputs);
        Assert.Equal([3, 1], rows[0].Scores);
        Assert.Equal("""{"helpfulness":[3,1],"correctness":[4,null],"coherence":[4,4],"complexity":[1,1],"verbosity":[1,2]}""",
            rows[0].Extra.Single(f => f.Name == "aspects").Json);
        Assert.Equal(1, rows[0].Keep([1]).Scores[0]);
        Assert.Contains("\"verbosity\":[2]", rows[0].Keep([1]).Extra.Single(f => f.Name == "aspects").Json);
    }

    // The critique is what finds UltraFeedback's wrong tens; it was dropped, and the overall scores replaced by means.
    [Fact]
    public void Write_UltraFeedback_GivesBackEverything()
    {
        const string Row = """{"source":"s","instruction":"Name a fish.","models":["a","b"],"completions":["""
            + """{"annotations":{"helpfulness":{"Rating":"5","Rationale":"r"},"honesty":{"Rating":"4","Rationale":"r"}},"""
            + """ "custom_system_prompt":"Be kind.","principle":"helpfulness","model":"a","response":"Tuna.","critique":"good","""
            + """ "fine-grained_score":4.5,"overall_score":8.0},{"annotations":{"helpfulness":{"Rating":"2"},"honesty":{"Rating":"N/A"}},"""
            + """ "model":"b","response":"A stone.","critique":"bad","fine-grained_score":2.0,"overall_score":3.0}]}""";
        RankedExample row = Ranked(Row);
        Assert.Equal([4.5, 2], row.Scores);
        string text = Written(row, "ultrafeedback");
        foreach (string part in (string[])["\"critique\":\"good\"", "\"fine-grained_score\":4.5", "\"principle\":\"helpfulness\"",
            "\"custom_system_prompt\":\"Be kind.\"", "\"Rationale\":\"r\"", "\"overall_score\":8.0", "\"overall_score\":3.0"])
            Assert.Contains(part, text);
        Assert.Equal(row, Ranked(text));
        // A judge's new scores are kept beside the data set's own.
        RankedExample judged = row with { Scores = [0.25, 7] };
        Assert.Equal(judged, Ranked(Written(judged, "ultrafeedback")));
        Assert.Equal(["bad"], row.Keep([1]).Extra.Where(f => f.Name == "candidate_notes")
            .Select(f => f.Json.Contains("good") ? "good" : "bad"));
    }

    // prompt_id names the prompt: pairs of one prompt were refused as duplicates.
    [Fact]
    public void Read_RepeatedPromptIds_AreRowsOfTheirOwn()
    {
        RankedExample[] rows = RankedRows("""
            {"prompt":"p","prompt_id":"ab","chosen":"a","rejected":"b"}
            {"prompt":"p","prompt_id":"ab","chosen":"c","rejected":"d"}
            """);
        Assert.Equal(["0", "1"], rows.Select(r => r.Id));
        Assert.All(rows, r => Assert.Equal("\"ab\"", Assert.Single(r.Extra).Json));
    }

    // Files without ids were joined into rows of the same id, which every later stage refused.
    [Fact]
    public void Read_SeveralFiles_HaveUniqueIds()
    {
        string a = _folder.Write("a.jsonl",
            """{"prompt":"p","chosen":"a","rejected":"b"}""" + "\n" + """{"id":"x","prompt":"p","chosen":"a","rejected":"b"}""");
        string b = _folder.Write("b.json", """[{"instruction":"i","output":["a"]},{"id":"x","instruction":"i","output":["a"]}]""");
        var report = new DataReadReport();
        Assert.Equal(["0", "x", "2", "x-2"],
            RankedData.Read([a, b], new() { DuplicateIds = DuplicateIds.MakeUnique, Report = report }).Select(r => r.Id));
        Assert.Equal(1, Assert.Single(report.Counts).Value);
        Assert.Contains("an earlier row has this id too",
            Assert.Throws<DataFormatException>(() => RankedData.Read([a, b]).ToList()).Message);
    }

    [Theory]
    [InlineData("""{"instruction":"i","context":"c","response":"r","category":"qa"}""", "i", "c", "r", 1)] // Dolly
    [InlineData("""{"instruction":"i","context":"","response":"r"}""", "i", "", "r", 1)]
    [InlineData("""{"id":"niv.1","system_prompt":"s","question":"q","response":"r"}""", "s\n\nq", "", "r", 1)] // Open-Orca
    [InlineData("""{"question":"q","answer":"r"}""", "q", "", "r", 1)] // GSM8K
    [InlineData("""{"prompt":[{"role":"user","content":"q"}],"completion":[{"role":"assistant","content":"r"}]}""", "q", "", "r", 1)] // TRL
    [InlineData("""{"conversations":[{"from":"human","value":"q"},{"from":"gpt","value":"r"}]}""", "q", "", "r", 1)]
    [InlineData("""{"messages":[{"role":"system","content":"s"},{"role":"user","content":"q"},{"role":"assistant","content":"r"}]}""",
        "s\n\nq", "", "r", 1)]
    [InlineData("""{"messages":[{"role":"user","content":[{"type":"text","text":"q"}]},{"role":"assistant","content":"r"}]}""", "q", "",
        "r", 1)]
    // Self-Instruct
    [InlineData("""{"id":"t","name":"n","instruction":"i","instances":[{"input":"x","output":"r"}],"is_classification":false}""", "i", "x",
        "r", 1)]
    [InlineData("""{"id":"t","instruction":"i","instances":[{"input":"x","output":"r"},{"input":"y","output":"z"}]}""", "i", "x", "r", 2)]
    [InlineData("""{"prompt":"p","chosen":"r","rejected":"x"}""", "p", "", "r", 1)]
    [InlineData("""{"instruction":"i","output":["x","r"],"score":[0,1]}""", "i", "", "r", 1)]
    [InlineData("""{"instruction":"i","output":["x"],"reference":"r"}""", "i", "", "r", 1)]
    public void Instructions_EveryForm_IsReadWithItsResponse(string text, string instruction, string input, string output, int count)
    {
        string path = _folder.Write("rows.jsonl", text);
        List<InstructionExample> rows = [.. InstructionData.Read(path, new() { RequireResponse = true })];
        Assert.Equal((instruction, input, output, count), (rows[0].Instruction, rows[0].Input, rows[0].Output, rows.Count));
        RankedExample ranked = RankedData.Read(path).First();
        Assert.Equal(instruction, ranked.Instruction);
        Assert.Contains(output, ranked.Outputs.Append(ranked.Reference));
    }

    // Tuning ran on rows whose answers stood elsewhere, and taught the model to say nothing.
    [Theory]
    [InlineData("""{"instruction":"i","input":""}""", "there is no response to learn; the row has the fields instruction, input")]
    [InlineData("""{"instruction":"i","outptu":"r"}""", "Did you mean 'output' for 'outptu'?")]
    [InlineData("""{"instruction":"i","output":["a","b"]}""", "candidates but no scores and no reference")]
    [InlineData("""{"messages":[{"role":"user","content":"q"}]}""", "there is no response to learn")]
    public void Instructions_WithoutResponse_AreNamedWhereOneIsNeeded(string row, string message)
    {
        string path = _folder.Write("rows.jsonl", row);
        Assert.Contains(message, Assert.Throws<DataFormatException>(() => InstructionData.Read(path, new() { RequireResponse = true })
            .ToList()).Message);
        Assert.Equal("", Assert.Single(InstructionData.Read(path)).Output); // to sample from, a row may only ask
    }

    // Scores against two baselines do not compare, and of two verdicts on one model only one can be right.
    [Theory]
    [InlineData("base b", "n", "1.2", "have two baselines")]
    [InlineData("base", "m", "1.1", "'m' is annotated twice")]
    public void Merge_AnnotationsThatDoNotBelongTogether_AreRefused(string baseline, string model, string preference, string message)
    {
        string path = _folder.Write("rows.jsonl",
            """{"instruction":"i","output_1":"base","generator_1":"g","output_2":"x","generator_2":"m","preference":1.9}""" + "\n"
            + $$"""{"instruction":"i","output_1":"{{baseline}}","generator_1":"g","output_2":"x","generator_2":"{{model}}","""
            + $$""" "preference":{{preference}}}""");
        Assert.Contains(message, Assert.Throws<ArgumentException>(() =>
            Data.Formats.AlpacaEvalFormat.Merge(RankedData.Read(path))).Message);
    }

    [Fact]
    public void Merge_WhatDiffersBetweenAnnotations_StaysWithTheCandidates()
    {
        string path = _folder.Write("rows.jsonl", """
            {"instruction":"i","output_1":"b","output_2":"x","generator_2":"m","preference":1.9,"dataset":"d","price":1}
            {"instruction":"i","output_1":"b","output_2":"y","generator_2":"n","preference":1.2,"dataset":"d","price":2}
            {"instruction":"i","output_1":"b","output_2":"y","generator_2":"n","preference":1.2,"dataset":"d","price":2}
            """);
        RankedExample row = Assert.Single(Data.Formats.AlpacaEvalFormat.Merge(RankedData.Read(path)));
        Assert.Equal(["x", "y"], row.Outputs);
        Assert.Equal([new("dataset", "\"d\""), new("candidate_notes", """[{"price":1},{"price":2}]""")], row.Extra);
    }

    private static string Json(string text) => System.Text.Json.JsonSerializer.Serialize(text);

    private RankedExample Ranked(string row, DataReadOptions? options = null) => Assert.Single(RankedRows(row, options));

    private RankedExample[] RankedRows(string text, DataReadOptions? options = null) =>
        [.. RankedData.Read(_folder.Write("rows.jsonl", text), options)];

    private string Written(RankedExample row, string form)
    {
        DataFile.Write(_folder.File("written.jsonl"), [row], Data.Formats.RankedFormats.ByName[form]);
        return File.ReadAllText(_folder.File("written.jsonl"));
    }
}

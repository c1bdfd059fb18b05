using System.CommandLine;
using Tuna.Cli.Commands;
using Tuna.Cli.Hosting;
using Tuna.Cli.Tests.Support;

namespace Tuna.Cli.Tests.Hosting;

public class UsageTests
{
    [Theory]
    [InlineData("trian", "Did you mean 'train'?")]
    [InlineData("Train", "Did you mean 'train'?")]
    [InlineData("evaluate nl", "Did you mean 'nll'?")]
    [InlineData("sft --bacth 3", "Did you mean '--batch'?")]
    [InlineData("sft --learning_rate 3", "Did you mean '--learning-rate'?")]
    [InlineData("train --model m --data d --out o --objective dop", "Did you mean 'dpo'?")]
    [InlineData("train --model m --data d --out o --engine toch", "Did you mean 'torch'?")]
    [InlineData("stats --data d e", "what 'e' is for")]
    public async Task Run_AWordThatIsNotKnown_SaysWhatWasProbablyMeant(string line, string said)
    {
        TunaRun run = (await TunaApp.RunAsync(line.Split(' '))).Expect(ExitCodes.Usage);

        Assert.Contains(said, run.Error, StringComparison.Ordinal);
        Assert.Contains("--help", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_AWordThatIsNearNothing_GuessesNothing()
    {
        TunaRun run = (await TunaApp.RunAsync("frobnicate")).Expect(ExitCodes.Usage);

        Assert.Contains("'frobnicate'", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("Did you mean", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_WithoutACommand_ShowsTheHelp()
    {
        TunaRun run = (await TunaApp.RunAsync()).Expect(ExitCodes.Ok);

        Assert.Contains("  train ", run.Output, StringComparison.Ordinal);
        Assert.Empty(run.Error);
    }

    [Theory]
    [InlineData("train --batch 0", "--batch is 0; it must be at least 1")]
    [InlineData("train --batch -3", "--batch is -3; it must be at least 1")]
    [InlineData("train --epochs 0", "--epochs is 0")]
    [InlineData("train --lr 0", "--learning-rate is 0; it must be above 0")]
    [InlineData("train --held-out 1.5", "--held-out is 1.5; it must be from 0 to 1")]
    [InlineData("sft --micro-batch 0", "--micro-batch is 0")]
    [InlineData("prm --warmup 2", "--warmup is 2")]
    public async Task Run_ANumberOutOfItsRange_NamesTheOptionAndTheRange(string line, string said)
    {
        TunaRun run = (await TunaApp.RunAsync([.. line.Split(' '), "--model", "m", "--data", "d", "--out", "o"])).Expect(ExitCodes.Usage);

        Assert.Contains(said, run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("train --objective dpo --margin 0.3", "--margin has no effect on --objective dpo: it takes --beta, --pairs")]
    [InlineData("train --beta 0.3", "--beta has no effect on --objective tuna: it takes --margin, --lambda, --reduction")]
    [InlineData("train --objective dpo=1,mle=0.2 --margin 0.3", "--margin has no effect on --objective dpo=1,mle=0.2")]
    [InlineData("train --objective dpo,simpo --beta 0.3", "--beta would be the same for dpo and simpo")]
    [InlineData("train --objective mle=1,simpo --reference-model r", "It has no frozen policy")]
    [InlineData("train --objective dpo=1,mel=0.2", "Did you mean 'mle'?")]
    [InlineData("train --objective dpo=1,mle=0", "the weight of mle is '0'; it must be a number above 0")]
    [InlineData("train --objective dpo=x", "the weight of dpo is 'x'")]
    [InlineData("train --objective dpo,dpo=2", "dpo is there twice")]
    [InlineData("train --objective simpo --reference-model r", "--reference-model has no effect on --objective simpo")]
    [InlineData("train --objective gspo --reference-model r", "--reference-model has no effect on --objective gspo")]
    [InlineData("train --objective rloo --beta 0 --reference-model r", "--reference-model has no effect on --objective rloo")]
    [InlineData("train --objective rloo --old-policy rows", "--old-policy has no effect on --objective rloo")]
    [InlineData("train --objective gspo --clip-low 2", "clipLow must be from 0 to 1")]
    [InlineData("train --objective rloo --clip-high 2", "--clip-high has no effect on --objective rloo: it takes --beta")]
    [InlineData("train --objective listmle --pairs neighbours", "--pairs has no effect on --objective listmle")]
    [InlineData("train --save best", "--save has no effect without --eval-every")]
    [InlineData("sft --patience 3", "--patience has no effect without --eval-every")]
    [InlineData("prm --best-by pairs", "--best-by has no effect without --eval-every")]
    [InlineData("train --eval-every 5 --min-delta 0.1", "--min-delta has no effect without --patience")]
    [InlineData("train --device cuda", "--device has no effect on the embedded engine")]
    [InlineData("sft --lora-rank 8", "Add --engine torch")]
    [InlineData("train --engine torch --lora-alpha 8", "--lora-alpha has no effect without --lora-rank")]
    [InlineData("train --engine torch --base-weights nf4", "Add --lora-rank")]
    [InlineData("sample --temperature 0", "--temperature 0 gives the same response every time")]
    [InlineData("train --gradients recompute", "--gradients has no effect on the embedded engine")]
    [InlineData("train --moments 8bit", "--moments has no effect on the embedded engine")]
    [InlineData("train --engine torch --device gpu", "It is cpu, cuda or cuda:N")]
    public async Task Run_ASettingWithoutEffect_IsRefused(string line, string said)
    {
        TunaRun run = (await TunaApp.RunAsync([.. line.Split(' '), "--model", "m", "--data", "d", "--out", "o"])).Expect(ExitCodes.Usage);

        Assert.Contains(said, run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--judge probabilistic --orders 3", "--orders has no effect on --judge probabilistic")]
    [InlineData("--judge prm:p --beta 1.3", "--beta has no effect on --judge prm:p")]
    [InlineData("--judge policy:p --budget-tokens 5", "--budget-tokens has no effect on --judge policy:p")]
    [InlineData("--judge openai:gpt-4o --engine torch", "--engine has no effect on --judge openai:gpt-4o")]
    [InlineData("--judge openai:gpt-4o --min-consistency 0.5", "several orders")]
    public async Task Run_ASettingOfAnotherJudge_IsRefused(string line, string said)
    {
        TunaRun run = (await TunaApp.RunAsync(["rank", "--data", "d", "--out", "o", .. line.Split(' ')])).Expect(ExitCodes.Usage);

        Assert.Contains(said, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Table_OfTheCommands_SaysWhatTheySay()
    {
        var app = new App(TextWriter.Null, TextWriter.Null, TimeProvider.System, () => 0);
        foreach (CommandEntry entry in AllCommands.Table)
        {
            StageCommand command = entry.Create(app);
            Assert.Equal(entry.Usage, string.Join(' ', [command.Name, .. command.Arguments.Select(a => $"<{a.HelpName ?? a.Name}>")]));
            Assert.Equal(entry.Summary, command.Description);
        }
    }

    [Theory]
    [InlineData("sample --model a --model b --data d --out o", "Option '--model' expects a single argument but 2 were provided")]
    [InlineData("train --engine torch --engine torch --model b --data d --out o", "Option '--engine'")]
    [InlineData("train --objective dpo --objective dpo --model b --data d --out o", "Option '--objective'")]
    [InlineData("train --eval-every 5 --eval-every x --patience 1 --model b --data d --out o", "Option '--eval-every'")]
    [InlineData("rank --judge a --judge b --data d --out o", "Option '--judge'")]
    [InlineData("convert --from alpaca --from trl --data d --out o", "Option '--from'")]
    public async Task Run_AnOptionTwice_IsAnErrorOfUsage(string line, string said)
    {
        TunaRun run = (await TunaApp.RunAsync(line.Split(' '))).Expect(ExitCodes.Usage);

        Assert.Contains(said, run.Error, StringComparison.Ordinal);
        Assert.Contains($"See: tuna {line.Split(' ')[0]} --help", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("rank", "train")] // a value that is another command's name
    [InlineData("stats", "report")]
    public async Task Run_ValuesThatNameCommands_AreValues(string command, string value)
    {
        TunaRun run = (await TunaApp.RunAsync(["-q", command, "--nothing", value])).Expect(ExitCodes.Usage);

        Assert.Contains($"tuna {command} has no option --nothing", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Options_OfEveryCommand_AreSettings()
    {
        // A fingerprint is made of all settings of a command: an option of another kind would be missing from it.
        var app = new App(TextWriter.Null, TextWriter.Null, TimeProvider.System, () => 0);
        var commands = new Queue<Command>(AllCommands.Table.Select(entry => entry.Create(app)));
        int seen = 0;
        while (commands.TryDequeue(out Command? command))
        {
            foreach (Command inner in command.Subcommands)
                commands.Enqueue(inner);
            foreach (Option option in command.Options)
            {
                Assert.True(option is ISetting, $"{command.Name} {option.Name}");
                seen++;
            }
        }

        Assert.True(seen > 100);
    }

    [Fact]
    public async Task Run_AModelFolderThatIsNone_SaysWhatItIs()
    {
        using var work = new Workspace();
        Directory.CreateDirectory(work["empty/inner"]);
        File.WriteAllText(work["empty/inner/config.json"], "{}");
        File.WriteAllText(work["file"], "");

        foreach ((string model, string said) in new[] { (work["file"], "is a file"), (work["empty"], "has no config.json"),
            (work["empty"], work["empty/inner"]) })
        {
            TunaRun run = (await TunaApp.RunAsync("train", "--model", model, "--data", "d", "--out", work["o"])).Expect(ExitCodes.BadInput);
            Assert.Contains(said, run.Error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Run_DataThatIsAFolderOrMisspelt_NamesWhatIsThere()
    {
        using Workspace work = new Workspace().WithRanked(1);

        TunaRun folder = (await TunaApp.RunAsync("stats", "--data", work.Root)).Expect(ExitCodes.BadInput);
        TunaRun misspelt = (await TunaApp.RunAsync("stats", "--data", work["rankd.jsonl"])).Expect(ExitCodes.BadInput);

        Assert.Contains("is a folder", folder.Error, StringComparison.Ordinal);
        Assert.Contains("ranked.jsonl", folder.Error, StringComparison.Ordinal);
        Assert.Contains("Did you mean", misspelt.Error, StringComparison.Ordinal);
    }
}

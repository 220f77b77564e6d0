import { Checkbox, SegmentedControl, TextInput } from "@mantine/core";
import type { XKind } from "@/charts/curveData";
import { Icon } from "@/components/Icon";
import type { CurveSettings } from "./settings";
import css from "./Curves.module.css";

interface Props {
  settings: CurveSettings;
  onChange: (part: CurveSettings) => void;
}

/** What the x axis is, how much is smoothed, whether y is logarithmic, which metrics are shown. */
export function CurveControls({ settings, onChange }: Props) {
  const smooth = settings.smooth ?? 0;
  return (
    <div className={css.controls}>
      <SegmentedControl
        size="xs"
        aria-label="Horizontal axis"
        value={settings.x ?? "step"}
        onChange={(x) => onChange({ x: x === "step" ? undefined : (x as XKind) })}
        data={[
          { value: "step", label: "Step" },
          { value: "time", label: "Time" },
          { value: "relative", label: "Since start" },
        ]}
      />
      <label className={css.slider}>
        Smoothing
        <input
          type="range"
          min={0}
          max={0.99}
          step={0.01}
          value={smooth}
          onChange={(event) => onChange({ smooth: Number(event.currentTarget.value) || undefined })}
        />
        <span className="num">{smooth.toFixed(2)}</span>
      </label>
      <Checkbox
        size="xs"
        label="Logarithmic"
        checked={settings.log ?? false}
        onChange={(event) => onChange({ log: event.currentTarget.checked || undefined })}
      />
      <TextInput
        size="xs"
        aria-label="Find metrics"
        placeholder="Find metrics"
        leftSection={<Icon name="search" size={14} />}
        value={settings.find ?? ""}
        onChange={(event) => onChange({ find: event.currentTarget.value || undefined })}
      />
    </div>
  );
}
